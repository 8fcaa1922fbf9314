#include "dataplane/rx/gzip_unpack.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/unit/rx/gzip_builder.h"

namespace picket::rx::test {
namespace {

struct Unpacked {
    GzipResult result;
    Bytes bytes;
};

// The source hands out pieces of this size, so that every state of the unpacker meets an empty input.
Unpacked unpack(const Bytes& packed, std::size_t piece, std::size_t room = SIZE_MAX) {
    Unpacked out;
    std::size_t at = 0;
    const ByteSource source = [&](std::span<std::uint8_t> into) {
        const std::size_t count = std::min({piece, into.size(), packed.size() - at});
        std::copy_n(packed.begin() + static_cast<std::ptrdiff_t>(at), count, into.begin());
        at += count;
        return count;
    };
    const ByteSink sink = [&](std::span<const std::uint8_t> bytes) {
        if (out.bytes.size() + bytes.size() > room) return false;
        out.bytes.insert(out.bytes.end(), bytes.begin(), bytes.end());
        return true;
    };
    out.result = unpack_gzip(source, sink);
    return out;
}

Bytes noise(std::size_t count) {
    std::mt19937 random(7);
    Bytes bytes(count);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random() % 7);
    return bytes;
}

TEST(GzipUnpack, UnpacksMembersInAnyPieces) {
    const Bytes first = noise(70'000);
    const Bytes second = noise(3);
    Bytes packed = gzip(first);
    const Bytes more = gzip(second);
    packed.insert(packed.end(), more.begin(), more.end());
    Bytes whole = first;
    whole.insert(whole.end(), second.begin(), second.end());
    for (const std::size_t piece : {1U, 2U, 3U, 1000U, 1'000'000U}) {
        const Unpacked out = unpack(packed, piece);
        EXPECT_EQ(out.result.end, GzipEnd::complete);
        EXPECT_EQ(out.result.packed_bytes, packed.size());
        EXPECT_EQ(out.result.unpacked_bytes, whole.size());
        EXPECT_EQ(out.bytes, whole);
    }
}

TEST(GzipUnpack, CutAnywhereIsCutShort) {
    const Bytes packed = gzip(noise(2000));
    for (std::size_t length = 0; length < packed.size(); ++length) {
        const Bytes cut(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(length));
        EXPECT_EQ(unpack(cut, 100).result.end, length == 1 ? GzipEnd::corrupt : GzipEnd::cut_short) << length;
    }
    const Bytes without_length(packed.begin(), packed.end() - 1);
    EXPECT_EQ(unpack(without_length, 100).bytes, noise(2000));
}

TEST(GzipUnpack, ChecksumAndLengthCount) {
    const Bytes data = noise(2000);
    for (const std::ptrdiff_t from_end : {1, 5}) {
        Bytes packed = gzip(data);
        packed[packed.size() - static_cast<std::size_t>(from_end)] ^= 1;
        const Unpacked out = unpack(packed, 1000);
        EXPECT_EQ(out.result.end, GzipEnd::corrupt);
        EXPECT_EQ(out.bytes, data);
    }
}

TEST(GzipUnpack, TellsWhatFollowsTheLastMember) {
    Bytes packed = gzip(noise(100));
    const std::size_t size = packed.size();
    packed.insert(packed.end(), {0, 0, 0});
    const Unpacked out = unpack(packed, 1000);
    EXPECT_EQ(out.result.end, GzipEnd::trailing);
    EXPECT_EQ(out.result.packed_bytes, size);
}

TEST(GzipUnpack, StopsWhenTheSinkRefuses) {
    EXPECT_EQ(unpack(gzip(noise(2'000'000)), 1000, 1'000'000).result.end, GzipEnd::sink_refused);
}

TEST(GzipUnpack, AnyBytesEnd) {
    std::mt19937 random(11);
    const Bytes packed = gzip(noise(5000));
    for (int i = 0; i < 2000; ++i) {
        Bytes damaged = packed;
        damaged[random() % damaged.size()] ^= static_cast<std::uint8_t>(1 + random() % 255);
        const Unpacked out = unpack(damaged, 1 + random() % 600, 1'000'000);
        EXPECT_EQ(out.result.unpacked_bytes, out.bytes.size());
    }
}

}  // namespace
}  // namespace picket::rx::test
