#include "controlplane/drain/held_hits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace picket::drain {
namespace {

TEST(HeldHits, GivesBackTheOldestWhateverTheOrderOfArrival) {
    std::vector<HeldHit> hits;
    for (std::uint32_t i = 0; i < 500; ++i) {
        HeldHit held;
        held.hit.time_ns = i / 8;
        held.hit.flow_id = i / 4 % 2 + 1;
        held.request_number = i / 2 % 2;
        held.hit.sid = i % 2 + 1;
        hits.push_back(held);
    }
    std::mt19937 random(3);
    for (int round = 0; round < 5; ++round) {
        auto shuffled = hits;
        std::ranges::shuffle(shuffled, random);
        HeldHits order;
        for (const HeldHit& held : shuffled) order.add(held);
        for (const HeldHit& expected : hits) {
            ASSERT_FALSE(order.empty());
            EXPECT_EQ(order.oldest_ns(), expected.hit.time_ns);
            const HeldHit held = order.take_oldest();
            EXPECT_EQ(held.hit.time_ns, expected.hit.time_ns);
            EXPECT_EQ(held.hit.flow_id, expected.hit.flow_id);
            EXPECT_EQ(held.request_number, expected.request_number);
            EXPECT_EQ(held.hit.sid, expected.hit.sid);
        }
        EXPECT_TRUE(order.empty());
    }
}

}  // namespace
}  // namespace picket::drain
