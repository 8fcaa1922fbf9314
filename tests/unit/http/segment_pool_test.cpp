#include "dataplane/http/segment_pool.h"

#include <gtest/gtest.h>

#include <random>

namespace picket::http {
namespace {

using Held = SegmentPool::Held;

// What the list holds, '.' where it holds nothing.
std::string take_all(SegmentPool& pool, HeldList& list, std::uint32_t begin, std::size_t size) {
    std::string result(size, '.');
    while (!list.empty()) {
        const std::uint32_t at = pool.begin_of(list) - begin;
        const std::string_view text = pool.text_of(list);
        result.replace(at, text.size(), text);
        pool.give_back(pool.take_first(list));
    }
    return result;
}

TEST(SegmentPool, FirstWinsWhereverTheyOverlap) {
    std::mt19937 dice(7);
    for (int round = 0; round < 2000; ++round) {
        SegmentPool pool(64);
        HeldList list;
        const std::uint32_t begin = 0xffffffe0;  // numbers wrap
        std::string expected(64, '.');
        for (char letter = 'a'; letter < 'm'; ++letter) {
            const std::size_t from = dice() % 60;
            const std::size_t length = 1 + dice() % (64 - from);
            const std::string text(length, letter);
            const auto result = pool.hold(list, 1, begin + static_cast<std::uint32_t>(from), text, 0);
            if (result != Held::held) break;
            for (std::size_t i = from; i < from + length; ++i) {
                if (expected[i] == '.') expected[i] = letter;
            }
        }
        ASSERT_EQ(take_all(pool, list, begin, 64), expected);
        EXPECT_EQ(pool.in_use(), 0u);
        EXPECT_EQ(list.bytes, 0u);
        EXPECT_EQ(list.pieces, 0u);
    }
}

TEST(SegmentPool, Bounds) {
    SegmentPool pool(50);
    HeldList list;
    EXPECT_EQ(pool.hold(list, 1, 0, std::string(200'000, 'x'), 0), Held::list_full);
    EXPECT_LE(list.bytes, SegmentPool::list_bytes_max);
    HeldList other;
    EXPECT_EQ(pool.hold(other, 2, 0, std::string(60'000, 'y'), 0), Held::pool_full);
    EXPECT_EQ(pool.oldest_owner(), 1u);
    pool.clear(list);
    pool.clear(other);
    EXPECT_EQ(pool.in_use(), 0u);
    EXPECT_EQ(pool.oldest_owner(), flow::no_index);
}

// Small segments in a row share a piece, or the bound on pieces would be reached by a few hundred bytes.
TEST(SegmentPool, SegmentsInARowShareAPiece) {
    SegmentPool pool(4);
    HeldList list;
    for (std::uint32_t at = 0; at < 3000; ++at) ASSERT_EQ(pool.hold(list, 1, at, "x", at), Held::held);
    EXPECT_EQ(list.bytes, 3000u);
    EXPECT_EQ(list.pieces, 2u);
    // A piece was there when its last byte was.
    EXPECT_EQ(pool.time_of(list), SegmentPool::piece_bytes_max - 1);
    EXPECT_EQ(take_all(pool, list, 0, 3000), std::string(3000, 'x'));
}

}  // namespace
}  // namespace picket::http
