// Damaged captures of every kind: nothing crashes or hangs, cursors deliver what the summary counts, frames
// lie inside the file, and a damage has a sentence. Deterministic.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "dataplane/api/setup_error.h"
#include "tests/unit/rx/capture_builder.h"
#include "tests/unit/rx/gzip_builder.h"

namespace picket::rx::test {
namespace {

std::vector<Bytes> seeds() {
    std::vector<Bytes> all;
    const Bytes modified = {2, 0, 0, 0, 0, 8, 0, 0};
    for (const std::uint32_t magic : {0xa1b2c3d4U, 0xa1b23c4dU, 0xa1b2cd34U, 0x1c0001acU}) {
        for (const bool big_endian : {false, true}) {
            PcapBuilder builder({.magic = magic, .big_endian = big_endian});
            for (std::uint32_t i = 0; i < 6; ++i)
                builder.packet(i, i, 40 + i, 0, magic == 0xa1b2cd34U ? modified : Bytes{});
            all.push_back(builder.bytes());
        }
    }
    PcapBuilder old({.network = 15, .minor = 2});
    all.push_back(old.packet(1, 2, 63).packet(2, 3, 63).bytes());
    for (const bool big_endian : {false, true}) {
        PcapngBuilder builder;
        builder.section(big_endian);
        Bytes options = builder.option(9, {9});
        const Bytes offset = builder.option(14, builder.body().u64(77).bytes);
        options.insert(options.end(), offset.begin(), offset.end());
        builder.interface(1, 50, options).enhanced(0, 1, 45, builder.option(2, {0, 0, 0, 1}));
        builder.simple(60, 50).obsolete(0, 3, 33).section(!big_endian).interface(101).enhanced(0, 4, 44);
        builder.block(4, builder.body().u16(1).u16(8).append({10, 0, 0, 1, 'a', 'b', 'c', 0}).u32(0));
        builder.block(10, builder.body().u32(1).u32(4).u32(7)).block(5, builder.body().u32(0).u64(9));
        all.push_back(builder.bytes());
    }
    return all;
}

void mutate(Bytes& bytes, std::mt19937& random) {
    constexpr std::uint32_t telling[] = {0, 1, 3, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffd, 262145, 6};
    const auto edits = 1 + random() % 3;
    for (std::uint32_t i = 0; i < edits && !bytes.empty(); ++i) {
        const std::size_t at = random() % bytes.size();
        switch (random() % 5) {
            case 0:
                bytes.resize(at);
                break;
            case 1:
                if (at + 4 <= bytes.size())
                    std::memcpy(&bytes[at], &telling[random() % std::size(telling)], 4);
                break;
            case 2:
                bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), random() % 9, 0);
                break;
            default:
                bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ (1 + random() % 255));
        }
    }
}

void check(const Bytes& bytes) {
    std::shared_ptr<const CaptureFile> file;
    try {
        file = open_bytes(bytes);
    } catch (const SetupError& error) {
        EXPECT_EQ(error.exit_status(), 4) << error.what();
        return;
    }
    const CaptureSummary& sum = file->summary();
    EXPECT_TRUE(!sum.truncated || !sum.error.empty());
    const auto map = file->bytes().bytes();
    CaptureCursor cursor(file);
    Frame frame;
    std::uint64_t packets = 0;
    std::uint64_t wire = 0;
    std::uint64_t touched = 0;
    std::uint64_t bound = 0;
    for (;;) {
        bound = cursor.future_min_time_ns();
        if (!cursor.next(frame)) break;
        ++packets;
        wire += frame.wire_length;
        EXPECT_LE(bound, frame.time_ns);
        EXPECT_LE(frame.time_ns, capture_time_ns_max);
        ASSERT_GE(frame.data, map.data());
        ASSERT_LE(frame.data + frame.captured_length, map.data() + map.size());
        for (std::uint32_t i = 0; i < frame.captured_length; ++i) touched += frame.data[i];
    }
    EXPECT_EQ(packets, sum.packets) << touched;
    EXPECT_EQ(wire, sum.bytes);
    EXPECT_EQ(cursor.lost(), 0U);
    EXPECT_EQ(bound, UINT64_MAX);
}

TEST(CaptureFuzz, MutatedCapturesAreReadOrRefused) {
    std::mt19937 random(2003);
    for (const Bytes& seed : seeds()) {
        check(seed);
        for (int i = 0; i < 3000; ++i) {
            Bytes bytes = seed;
            mutate(bytes, random);
            check(bytes);
        }
    }
}

TEST(CaptureFuzz, MutatedGzipIsReadOrRefused) {
    std::mt19937 random(2004);
    const Bytes packed = gzip(seeds().front());
    for (int i = 0; i < 3000; ++i) {
        Bytes bytes = packed;
        mutate(bytes, random);
        check(bytes);
    }
}

TEST(CaptureFuzz, RandomBytesBehindAMagicNumber) {
    std::mt19937 random(2005);
    for (const Bytes& seed : seeds()) {
        for (int i = 0; i < 1000; ++i) {
            Bytes bytes = seed;
            bytes.resize(4 + random() % 400);
            for (std::size_t at = 4 + random() % 24; at < bytes.size(); ++at)
                bytes[at] = static_cast<std::uint8_t>(random() % 4 == 0 ? random() : 0);
            check(bytes);
        }
    }
}

}  // namespace
}  // namespace picket::rx::test
