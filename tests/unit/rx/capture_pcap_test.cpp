#include <gtest/gtest.h>

#include "tests/unit/rx/capture_builder.h"

namespace picket::rx::test {
namespace {

TEST(CapturePcap, ReadsMicrosecondsInBothByteOrders) {
    for (const bool big_endian : {false, true}) {
        const auto file = open_bytes(PcapBuilder({.big_endian = big_endian})
                                         .packet(1061564994, 123456, 60, 1500)
                                         .packet(1061564995, 7, 61)
                                         .bytes());
        const auto frames = frames_of(file);
        ASSERT_EQ(frames.size(), 2U);
        EXPECT_EQ(frames[0].time_ns, 1061564994123456000U);
        EXPECT_EQ(frames[0].captured_length, 60U);
        EXPECT_EQ(frames[0].wire_length, 1500U);
        EXPECT_EQ(frames[0].data[59], 0xa0);
        EXPECT_EQ(frames[0].link_type, LinkType::ethernet);
        EXPECT_EQ(frames[1].data[0], 0xa1);
        EXPECT_EQ(frames[1].sequence, 1U);
        const CaptureSummary& sum = file->summary();
        EXPECT_EQ(sum.packets, 2U);
        EXPECT_EQ(sum.bytes, 1561U);
        EXPECT_EQ(sum.captured_bytes, 121U);
        EXPECT_EQ(sum.first_ns, frames[0].time_ns);
        EXPECT_EQ(sum.last_ns, frames[1].time_ns);
        EXPECT_FALSE(sum.truncated);
        EXPECT_EQ(sum.error, "");
    }
}

TEST(CapturePcap, ReadsNanoseconds) {
    const auto frames =
        frames_of(open_bytes(PcapBuilder({.magic = 0xa1b23c4d}).packet(1, 999999999, 60).bytes()));
    ASSERT_EQ(frames.size(), 1U);
    EXPECT_EQ(frames[0].time_ns, 1999999999U);
}

TEST(CapturePcap, ReadsTheHeaderThatPatchedLibpcapsWrite) {
    const Bytes patch_991029 = Writer().u32(2).u16(0x800).u8(0).u8(0).bytes;
    const Bytes patch_990915 = Writer().u32(2).u16(0x800).u8(0).fill(5, 0).bytes;
    for (const auto& [magic, extra] : {std::pair{0xa1b2cd34U, patch_991029},
                                       {0xa1b2cd34U, patch_990915},
                                       {0xa1b2c3d4U, patch_991029},
                                       {0xa1b2c3d4U, Bytes{1, 0xb6, 0xbf, 0x9f}}}) {
        PcapBuilder builder({.magic = magic});
        for (std::uint32_t i = 0; i < 5; ++i) builder.packet(i, 0, 60 + i, 0, extra);
        const auto frames = frames_of(open_bytes(builder.bytes()));
        ASSERT_EQ(frames.size(), 5U);
        EXPECT_EQ(frames[4].captured_length, 64U);
        EXPECT_EQ(frames[4].data[0], 0xa4);
    }
}

TEST(CapturePcap, SwapsTheLengthsOfOldVersions) {
    // Version 2.2: the length on the wire comes first.
    const auto frames = frames_of(
        open_bytes(PcapBuilder({.minor = 2}).packet(1, 0, 60).packet(2, 0, 60).packet(3, 0, 60).bytes()));
    ASSERT_EQ(frames.size(), 3U);
    Writer file;
    file.append(PcapBuilder({.minor = 2}).bytes()).u32(1).u32(0).u32(1500).u32(60).fill(60, 1);
    const auto cut = frames_of(open_bytes(file.bytes));
    ASSERT_EQ(cut.size(), 1U);
    EXPECT_EQ(cut[0].captured_length, 60U);
    EXPECT_EQ(cut[0].wire_length, 1500U);
}

TEST(CapturePcap, UnderstandsAix) {
    PcapBuilder builder({.network = 15, .minor = 2});  // ifType FDDI
    builder.packet(1, 999999999, 63);
    const auto frames = frames_of(open_bytes(builder.bytes()));
    ASSERT_EQ(frames.size(), 1U);
    EXPECT_EQ(static_cast<int>(frames[0].link_type), 10);
    EXPECT_EQ(frames[0].captured_length, 60U);
    EXPECT_EQ(frames[0].time_ns, 1999999999U);
}

TEST(CapturePcap, DropsTheUpperBitsOfTheLinkType) {
    const auto frames = frames_of(open_bytes(PcapBuilder({.network = 0x24000001}).packet(1, 0, 60).bytes()));
    ASSERT_EQ(frames.size(), 1U);
    EXPECT_EQ(frames[0].link_type, LinkType::ethernet);
    const auto reserved = open_bytes(PcapBuilder({.network = 0x00010001}).packet(1, 0, 60).bytes());
    EXPECT_EQ(reserved->summary().packets, 0U);
    EXPECT_NE(reserved->summary().error.find("reserved bits"), std::string::npos);
}

TEST(CapturePcap, DeliversLinkTypesThatItDoesNotKnow) {
    const auto frames = frames_of(open_bytes(PcapBuilder({.network = 9999}).packet(1, 0, 60).bytes()));
    ASSERT_EQ(frames.size(), 1U);
    EXPECT_EQ(static_cast<int>(frames[0].link_type), 9999);
}

TEST(CapturePcap, CountsThePacketsBeforeACut) {
    const Bytes whole = PcapBuilder().packet(1, 0, 60).packet(2, 0, 60).packet(3, 0, 60).bytes();
    const std::size_t second = 24 + 76;
    for (std::size_t length = 0; length < whole.size(); ++length) {
        if (length < 4) continue;  // refused, see CaptureFile.RefusesWhatIsNoCapture
        const auto file =
            open_bytes(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)));
        const bool at_boundary = length == 24 || length == second || length == second + 76;
        // 8 bytes more than a record: the header of a patched libpcap, which capinfos assumes then, too.
        const bool other_variant = length == second + 8 || length == second + 4 || length == second + 84 + 8;
        if (other_variant) continue;
        EXPECT_EQ(file->summary().truncated, !at_boundary) << length;
        EXPECT_EQ(file->summary().error.empty(), at_boundary) << length;
        EXPECT_EQ(file->summary().packets, length < 24 ? 0 : (length - 24) / 76) << length;
        EXPECT_EQ(frames_of(file).size(), file->summary().packets);
    }
}

TEST(CapturePcap, NamesWhereAndHowItIsCut) {
    const Bytes whole = PcapBuilder().packet(1, 0, 60).packet(2, 0, 60).packet(3, 0, 61).bytes();
    const Bytes bytes = without_last(whole, 21);
    EXPECT_EQ(open_bytes(bytes)->summary().error,
              "after 2 packets, at byte 176: the file ends 40 bytes into a packet of 61");
}

TEST(CapturePcap, RefusesAbsurdLengths) {
    Writer file;
    file.append(PcapBuilder().packet(1, 0, 60).packet(2, 0, 60).packet(3, 0, 60).bytes());
    file.u32(4).u32(0).u32(262145).u32(262145).fill(300000, 0);
    const auto capture = open_bytes(file.bytes);
    EXPECT_EQ(capture->summary().packets, 3U);
    EXPECT_FALSE(capture->summary().truncated);
    EXPECT_EQ(capture->summary().damage_offset, 24U + 3 * 76);
    EXPECT_NE(capture->summary().error.find("262145 captured bytes"), std::string::npos);
}

TEST(CapturePcap, AcceptsPacketsLongerThanTheSnapLengthAndTheWire) {
    PcapBuilder builder({.snap_length = 64});
    for (std::uint32_t i = 0; i < 4; ++i) builder.packet(i, 0, 1000, 900);
    const auto frames = frames_of(open_bytes(builder.bytes()));
    ASSERT_EQ(frames.size(), 4U);
    EXPECT_EQ(frames[3].captured_length, 1000U);
    EXPECT_EQ(frames[3].wire_length, 900U);
}

TEST(CapturePcap, LargestTimesDoNotOverflow) {
    const auto file = open_bytes(PcapBuilder()
                                     .packet(1, 0, 60)
                                     .packet(2, 0, 60)
                                     .packet(3, 0, 60)
                                     .packet(UINT32_MAX, UINT32_MAX, 60)
                                     .bytes());
    EXPECT_EQ(file->summary().packets, 4U);
    EXPECT_EQ(file->summary().last_ns, UINT32_MAX * 1'000'000'000ULL + UINT32_MAX * 1000ULL);
    EXPECT_LT(file->summary().last_ns, capture_time_ns_max);
}

}  // namespace
}  // namespace picket::rx::test
