#include "dataplane/flow/flow_table.h"

#include <gtest/gtest.h>

#include "dataplane/flow/timer_wheel.h"
#include "tests/support/flow_harness.h"

namespace picket::flow {
namespace {

FlowKey key_of(std::uint32_t number) {
    FlowKey key;
    key.address_a = number;
    key.port_b = 80;
    key.protocol = 6;
    key.family = 4;
    return key;
}

TEST(FlowTable, GrowsAndFindsAll) {
    FlowTable table(testing::test_hash, 16, false);
    for (std::uint32_t i = 0; i < 50'000; ++i) {
        const FlowKey key = key_of(i);
        HotFlow* hot = table.insert(key, table.hash(key), nullptr);
        ASSERT_NE(hot, nullptr);
        table.cold(hot->cold).flow_id = i;
    }
    EXPECT_LE(table.entries() * 2, table.slots());
    for (std::uint32_t i = 0; i < 50'000; ++i) {
        const FlowKey key = key_of(i);
        HotFlow* hot = table.find(key, table.hash(key), nullptr);
        ASSERT_NE(hot, nullptr);
        EXPECT_EQ(table.cold(hot->cold).flow_id, i);
        EXPECT_EQ(&table.hot_of(hot->cold), hot);
    }
}

TEST(FlowTable, EraseLeavesNoHoles) {
    FlowTable table(testing::test_hash, 4096, true);
    std::vector<std::uint32_t> cold(4096);
    for (std::uint32_t i = 0; i < 4096; ++i)
        cold[i] = table.insert(key_of(i), table.hash(key_of(i)), nullptr)->cold;
    EXPECT_EQ(table.insert(key_of(9999), table.hash(key_of(9999)), nullptr), nullptr);
    for (std::uint32_t i = 0; i < 4096; i += 2) table.erase(cold[i]);
    for (std::uint32_t i = 0; i < 4096; ++i) {
        EXPECT_EQ(table.find(key_of(i), table.hash(key_of(i)), nullptr) != nullptr, i % 2 == 1);
    }
    EXPECT_EQ(table.entries(), 2048u);
}

// The hash only says where to look: flows whose keys collide in everything but the addresses stay apart.
TEST(FlowTable, Ipv6AddressesAreComparedWhole) {
    FlowTable table(testing::test_hash, 64, true);
    FlowKey key = key_of(1);
    key.family = 6;
    Ipv6Sides one;
    one.a[15] = 1;
    Ipv6Sides two;
    two.a[15] = 2;
    HotFlow* first = table.insert(key, table.hash(key), &one);
    EXPECT_EQ(table.find(key, table.hash(key), &two), nullptr);
    HotFlow* second = table.insert(key, table.hash(key), &two);
    EXPECT_NE(first->cold, second->cold);
    EXPECT_EQ(table.find(key, table.hash(key), &one), first);
    EXPECT_EQ(table.find(key, table.hash(key), &two), second);
}

TEST(TimerWheel, VisitsEachAtItsTime) {
    FlowTable table(testing::test_hash, 64, true);
    TimerWheel wheel;
    constexpr std::uint64_t second = 1'000'000'000;
    const std::uint64_t start = 1'000 * second;
    wheel.start(start);
    const auto add = [&](std::uint32_t number, std::uint64_t at_ns) {
        const std::uint32_t cold = table.insert(key_of(number), table.hash(key_of(number)), nullptr)->cold;
        wheel.file(table, cold, at_ns);
        return cold;
    };
    const auto soon = add(1, start + 5 * second);
    const auto late = add(2, start + 2'000 * second);  // beyond the wheel: comes up early, to be filed again
    std::vector<std::uint32_t> visited;
    const auto visit = [&](std::uint32_t cold) { visited.push_back(cold); };
    EXPECT_FALSE(wheel.turn(table, start + 4 * second, 10, visit));
    EXPECT_TRUE(visited.empty());
    EXPECT_FALSE(wheel.turn(table, start + 8 * second, 10, visit));
    EXPECT_EQ(visited, std::vector{soon});
    wheel.turn(table, start + 600 * second, 10, visit);
    EXPECT_EQ(visited, (std::vector{soon, late}));
}

TEST(TimerWheel, AJumpOfYearsVisitsEverythingOnce) {
    FlowTable table(testing::test_hash, 1024, true);
    TimerWheel wheel;
    wheel.start(0);
    for (std::uint32_t i = 0; i < 500; ++i) {
        HotFlow* hot = table.insert(key_of(i), table.hash(key_of(i)), nullptr);
        wheel.file(table, hot->cold, std::uint64_t{i} << 30);
    }
    unsigned visits = 0;
    const auto visit = [&](std::uint32_t /*cold*/) { ++visits; };
    while (wheel.turn(table, std::uint64_t{1} << 60, 7, visit)) {
    }
    EXPECT_EQ(visits, 500u);
}

}  // namespace
}  // namespace picket::flow
