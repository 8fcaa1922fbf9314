#include <gtest/gtest.h>

#include "tests/unit/rx/capture_builder.h"

namespace picket::rx::test {
namespace {

std::string error_of(const PcapngBuilder& builder) {
    return open_bytes(builder.bytes())->summary().error;
}

TEST(CapturePcapng, ReadsAllPacketBlocksInBothByteOrders) {
    for (const bool big_endian : {false, true}) {
        PcapngBuilder builder;
        builder.section(big_endian).interface(1, 40).interface(101);
        builder.enhanced(1, 5'000'000, 61).obsolete(0, 6'000'000, 30).simple(100, 40);
        const auto file = open_bytes(builder.bytes());
        EXPECT_EQ(file->summary().error, "");
        const auto frames = frames_of(file);
        ASSERT_EQ(frames.size(), 3U);
        EXPECT_EQ(frames[0].link_type, LinkType::raw_ip);
        EXPECT_EQ(frames[0].time_ns, 5'000'000'000U);
        EXPECT_EQ(frames[0].captured_length, 61U);
        EXPECT_EQ(frames[0].wire_length, 65U);
        EXPECT_EQ(frames[0].data[60], 0xee);
        EXPECT_EQ(frames[1].link_type, LinkType::ethernet);
        EXPECT_EQ(frames[1].time_ns, 6'000'000'000U);
        EXPECT_EQ(frames[1].data[0], 0x22);
        // No time of its own: that of the record before it.
        EXPECT_EQ(frames[2].time_ns, 6'000'000'000U);
        EXPECT_EQ(frames[2].captured_length, 40U);
        EXPECT_EQ(frames[2].wire_length, 100U);
        EXPECT_EQ(file->summary().untimed, 1U);
    }
}

TEST(CapturePcapng, LeadingUntimedRecordsTakeTheFirstTime) {
    PcapngBuilder builder;
    builder.section().interface().simple(60, 60).simple(60, 60).enhanced(0, 7'000'000, 60);
    const auto file = open_bytes(builder.bytes());
    const auto frames = frames_of(file);
    ASSERT_EQ(frames.size(), 3U);
    EXPECT_EQ(frames[0].time_ns, 7'000'000'000U);
    EXPECT_EQ(file->summary().first_ns, 7'000'000'000U);
    EXPECT_EQ(CaptureCursor(file).future_min_time_ns(), 7'000'000'000U);
}

TEST(CapturePcapng, SectionsHaveTheirOwnInterfacesAndByteOrder) {
    PcapngBuilder builder;
    builder.section(false).interface(1).interface(101).enhanced(1, 1, 60);
    builder.section(true).interface(113).enhanced(0, 2, 60).interface(228).enhanced(1, 3, 60);
    const auto frames = frames_of(open_bytes(builder.bytes()));
    ASSERT_EQ(frames.size(), 3U);
    EXPECT_EQ(frames[0].link_type, LinkType::raw_ip);
    EXPECT_EQ(frames[1].link_type, LinkType::linux_sll);
    EXPECT_EQ(frames[2].link_type, LinkType::ipv4);
    // The second section's interface 1 does not exist before it is described.
    PcapngBuilder early;
    early.section().interface().interface().enhanced(1, 1, 60).section(true).interface().enhanced(1, 2, 60);
    const auto damaged = open_bytes(early.bytes());
    EXPECT_EQ(damaged->summary().packets, 1U);
    EXPECT_NE(damaged->summary().error.find("interface 1 of 1"), std::string::npos);
}

std::uint64_t time_of(std::uint8_t resolution, std::int64_t offset, std::uint64_t ticks, bool& clamped) {
    PcapngBuilder builder;
    builder.section();
    Bytes options = builder.option(9, {resolution});
    const Bytes shift = builder.option(14, builder.body().u64(static_cast<std::uint64_t>(offset)).bytes);
    options.insert(options.end(), shift.begin(), shift.end());
    const auto file = open_bytes(builder.interface(1, 0, options).enhanced(0, ticks, 60).bytes());
    clamped = file->summary().clamped != 0;
    return frames_of(file)[0].time_ns;
}

TEST(CapturePcapng, HonoursResolutionAndOffset) {
    bool clamped = false;
    EXPECT_EQ(time_of(0, 0, 5, clamped), 5'000'000'000U);
    EXPECT_EQ(time_of(3, 0, 5, clamped), 5'000'000U);
    EXPECT_EQ(time_of(9, 0, 5, clamped), 5U);
    EXPECT_EQ(time_of(12, 0, 5'999, clamped), 5U);
    EXPECT_EQ(time_of(0x80 | 10, 0, 1536, clamped), 1'500'000'000U);
    EXPECT_EQ(time_of(0x80 | 63, 0, 1ULL << 63, clamped), 1'000'000'000U);
    EXPECT_EQ(time_of(6, 1000, 5, clamped), 1'000'000'005'000U);
    EXPECT_EQ(time_of(6, -1, 5'000'000, clamped), 4'000'000'000U);
    EXPECT_FALSE(clamped);
}

TEST(CapturePcapng, ClampsTimesThatDoNotFit) {
    for (const std::uint8_t resolution : {0, 6, 9, 0x80, 0x80 | 20}) {
        bool clamped = false;
        EXPECT_EQ(time_of(resolution, 0, UINT64_MAX, clamped), capture_time_ns_max) << int{resolution};
        EXPECT_TRUE(clamped);
    }
    bool clamped = false;
    EXPECT_EQ(time_of(6, INT64_MAX, 1, clamped), capture_time_ns_max);
    EXPECT_TRUE(clamped);
    EXPECT_EQ(time_of(6, INT64_MIN, UINT64_MAX, clamped), 0U);
    EXPECT_TRUE(clamped);
    for (const std::uint8_t finest : {40, 127, 0xff}) EXPECT_LE(time_of(finest, 0, UINT64_MAX, clamped), 1U);
}

TEST(CapturePcapng, SkipsWhatItDoesNotKnow) {
    PcapngBuilder builder;
    builder.section().interface();
    builder.block(0x77, builder.body().fill(100, 7)).block(0xbad, builder.body().u32(77).fill(8, 1));
    builder.block(4,
                  builder.body().u16(1).u16(9).append({10, 0, 0, 1, 'h', 'o', 's', 't', 0, 0, 0, 0}).u32(0));
    builder.block(5, builder.body().u32(0).u64(0)).enhanced(0, 1, 60);
    const auto file = open_bytes(builder.bytes());
    EXPECT_EQ(file->summary().error, "");
    EXPECT_EQ(file->summary().packets, 1U);
}

TEST(CapturePcapng, ToleratesLengthsWithoutTheirPadding) {
    PcapngBuilder builder;
    builder.section().interface();
    const Bytes odd = builder.body().u32(0x77).u32(13).u32(0).u32(13).bytes;
    Writer file;
    file.append(builder.bytes()).append(odd).append(PcapngBuilder().bytes());
    PcapngBuilder rest;
    file.append(rest.enhanced(0, 1, 60).bytes());
    EXPECT_EQ(open_bytes(file.bytes)->summary().packets, 1U);
}

TEST(CapturePcapng, NamesDamage) {
    PcapngBuilder start;
    start.section().interface().enhanced(0, 1, 60);
    const auto damaged = [&](const PcapngBuilder& builder, const std::string& says) {
        const auto file = open_bytes(builder.bytes());
        EXPECT_EQ(file->summary().packets, 1U);
        EXPECT_FALSE(file->summary().truncated) << file->summary().error;
        EXPECT_NE(file->summary().error.find(says), std::string::npos) << file->summary().error;
    };
    PcapngBuilder flags = start;
    damaged(flags.enhanced(0, 1, 60, start.option(2, {1, 2})), "length of 2 where 4");
    PcapngBuilder over = start;
    damaged(over.enhanced(0, 1, 60, start.body().u16(1).u16(500).bytes), "runs out of its block");
    PcapngBuilder large = start;
    damaged(large.enhanced(0, 1, 262145), "262145 captured bytes");
    PcapngBuilder outside = start;
    damaged(outside.block(6, start.body().u32(0).u64(0).u32(64).u32(64).fill(60, 0)),
            "does not fit its block");
    PcapngBuilder version = start;
    damaged(version.section(false, 1), "version 1.1");
    PcapngBuilder name = start;
    damaged(name.block(4, start.body().u16(1).u16(8).fill(8, 'x').u32(0)), "name resolution");
    PcapngBuilder shorter = start;
    damaged(shorter.block(5, start.body().u32(0)), "less than the least, 24");
    PcapngBuilder simple = start;
    damaged(simple.simple(60, 80), "lengths of a block differ");
}

TEST(CapturePcapng, BlockLengthsMustAgree) {
    PcapngBuilder builder;
    builder.section().interface().enhanced(0, 1, 60).enhanced(0, 2, 60);
    Bytes bytes = builder.bytes();
    bytes[bytes.size() - 4] ^= 4;
    const auto file = open_bytes(bytes);
    EXPECT_EQ(file->summary().packets, 1U);
    EXPECT_NE(file->summary().error.find("lengths of a block differ"), std::string::npos);
}

TEST(CapturePcapng, CountsThePacketsBeforeACut) {
    PcapngBuilder builder;
    builder.section().interface().enhanced(0, 1, 60).enhanced(0, 2, 60);
    const Bytes& whole = builder.bytes();
    for (std::size_t length = 4; length < whole.size(); ++length) {
        const auto file =
            open_bytes(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)));
        const bool at_boundary = length == 28 || length == 48 || length == 48 + 92;
        EXPECT_EQ(file->summary().truncated, !at_boundary) << length;
        EXPECT_EQ(file->summary().packets, length < 48 + 92 ? 0U : 1U) << length;
    }
}

TEST(CapturePcapng, AnInterfaceIsNeededBeforePackets) {
    EXPECT_NE(error_of(PcapngBuilder().section().enhanced(0, 1, 60)).find("interface 0 of 0"),
              std::string::npos);
    EXPECT_NE(error_of(PcapngBuilder().section().simple(60, 60)).find("interface 0 of 0"), std::string::npos);
}

}  // namespace
}  // namespace picket::rx::test
