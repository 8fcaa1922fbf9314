// Loss, folding and blindness of an interval.
#include "controlplane/detect/coverage.h"

#include <gtest/gtest.h>

namespace picket::detect {
namespace {

constexpr std::uint64_t second = 1'000'000'000;

CounterSnapshot counters(std::uint64_t time_s, std::uint64_t missed, std::uint64_t dropped = 0,
                         std::uint64_t folded = 0) {
    CounterSnapshot snapshot;
    snapshot.taken_ns = time_s * second;
    snapshot.workers.resize(1);
    snapshot.ports.resize(1);
    snapshot.ports[0].counters.missed = missed;
    snapshot.workers[0].counters.events_dropped[static_cast<std::size_t>(api::EventKind::flow)] = dropped;
    snapshot.workers[0].ports[0].outcomes[static_cast<std::size_t>(api::Outcome::folded)] = folded;
    return snapshot;
}

TEST(Coverage, LossBelongsToItsSecond) {
    Coverage coverage(99 * second);
    coverage.connected(100 * second, 100 * second, false, false);
    coverage.sample(counters(101, 0));
    EXPECT_EQ(coverage.sample(counters(102, 7, 3)).lost, 10U);
    coverage.sample(counters(103, 7, 3, 5));
    const auto all = coverage.answer({}, {}, 110 * second);
    EXPECT_EQ(all.lost, 10U);
    EXPECT_EQ(all.folded, 5U);
    EXPECT_EQ(all.seconds_blind, 0);
    const auto early = coverage.answer(100 * second, 101 * second - 1, 110 * second);
    EXPECT_EQ(early.lost, 0U);
    const auto late = coverage.answer(103 * second, {}, 110 * second);
    EXPECT_EQ(late.lost, 0U);
    EXPECT_EQ(late.folded, 5U);
}

TEST(Coverage, BlindWhileNoDataPlaneIsThere) {
    Coverage coverage(99 * second);
    coverage.connected(100 * second, 100 * second, false, false);
    coverage.disconnected(110 * second);
    EXPECT_EQ(coverage.answer({}, {}, 115 * second).seconds_blind, 5);
    coverage.connected(120 * second, 120 * second, false, false);
    EXPECT_EQ(coverage.answer({}, {}, 200 * second).seconds_blind, 10);
    EXPECT_EQ(coverage.answer(115 * second, 117 * second, 200 * second).seconds_blind, 2);
    EXPECT_EQ(coverage.answer(90 * second, 105 * second, 200 * second).seconds_blind, 10)
        << "before the start";
}

TEST(Coverage, BlindSinceTheStartWhileNeverConnected) {
    const Coverage coverage(99 * second);
    EXPECT_EQ(coverage.answer({}, {}, 102 * second).seconds_blind, 3);
    EXPECT_EQ(coverage.answer(90 * second, {}, 102 * second).seconds_blind, 12) << "nothing is known of it";
}

TEST(Coverage, TheSameRunWentOnWithoutUs) {
    Coverage coverage(99 * second);
    coverage.connected(100 * second, 100 * second, false, false);
    coverage.sample(counters(101, 0));
    coverage.disconnected(110 * second);
    coverage.connected(120 * second, 120 * second, false, true);
    EXPECT_EQ(coverage.answer({}, {}, 200 * second).seconds_blind, 0);
    coverage.sample(counters(121, 0, 9));
    EXPECT_EQ(coverage.answer({}, {}, 200 * second).lost, 9U);
}

TEST(Coverage, ANewRunCountsFromZero) {
    Coverage coverage(99 * second);
    coverage.connected(100 * second, 100 * second, false, false);
    coverage.sample(counters(101, 50));
    coverage.disconnected(110 * second);
    coverage.connected(110 * second, 110 * second, false, false);
    EXPECT_EQ(coverage.sample(counters(111, 4)).lost, 4U);
}

TEST(Coverage, CapturesAreNeverBlind) {
    Coverage coverage(99 * second);
    coverage.connected(100 * second, 100 * second, true, false);
    coverage.disconnected(101 * second);
    EXPECT_EQ(coverage.answer(1 * second, 2 * second, 3 * second).seconds_blind, 0);
}

TEST(Audit, BalancedWithPacketsOnTheirWay) {
    Audit audit;
    audit.received = 11;
    audit.in_flows = 6;
    audit.held = 1;
    audit.outcomes[0] = 1;
    audit.handed_out = 5;
    audit.taken_in = 2;
    EXPECT_TRUE(audit.balanced());
    EXPECT_EQ(audit.in_transit(), 3U);
    ++audit.in_flows;
    EXPECT_FALSE(audit.balanced());
}

}  // namespace
}  // namespace picket::detect
