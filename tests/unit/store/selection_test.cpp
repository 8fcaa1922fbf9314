// Ended and live flows together, and the shapes of answers.
#include "controlplane/store/selection.h"

#include <gtest/gtest.h>

#include "controlplane/store/query_parser.h"
#include "controlplane/store/shapes.h"
#include "tests/unit/store/store_fixtures.h"

namespace picket::store {
namespace {

using tests::flow;
using tests::live;
using tests::part;
using tests::second_ns;

class SelectionTest : public ::testing::Test {
  protected:
    Selection select(const Query& query, std::vector<StoredFlow> living = {}, bool limited = true) {
        return select_flows(store_.snapshot(), std::move(living), query, {requests_, rules_}, limited);
    }
    Sum sum(const Selection& selection) { return sum_flows(selection, query_, {requests_, rules_}); }
    std::vector<Group> groups(const Selection& selection, GroupBy group_by) {
        query_.shape = Shape::by;
        query_.group_by = group_by;
        FlowShaper shaper(query_, {requests_, rules_});
        shaper.add(selection);
        return shaper.groups();
    }
    std::vector<TimelineBucket> timeline(const Selection& selection, bool& too_many) {
        query_.shape = Shape::timeline;
        FlowShaper shaper(query_, {requests_, rules_});
        shaper.add(selection);
        return shaper.timeline(too_many);
    }
    void keep(const StoredFlow& stored) { store_.append(std::vector<StoredFlow>{stored}); }

    FlowStore store_{100'000};
    RequestStore requests_{100, 1 << 20};
    tests::FixedRules rules_;
    Query query_;
};

TEST_F(SelectionTest, LiveAndEndedPartsAreOneFlow) {
    keep(part(flow(1), 1, false));
    keep(part(flow(1), 2, false));
    const auto selection = select(query_, {live(part(flow(1), 3, false))});
    ASSERT_EQ(selection.rows.size(), 1U);
    EXPECT_EQ(selection.rows[0]->packets(), 9U);
    EXPECT_EQ(selection.rows[0]->part, 3U);
    EXPECT_FALSE(selection.rows[0]->final);
    EXPECT_TRUE(selection.rows[0]->is_live());
}

TEST_F(SelectionTest, AFlowThatEndedSinceTheWalkIsNotSeenTwice) {
    keep(flow(1));
    keep(part(flow(2), 1, false));
    keep(part(flow(2), 2, true));
    const auto selection = select(query_, {live(flow(1)), live(part(flow(2), 1, false)), live(flow(3))});
    ASSERT_EQ(selection.rows.size(), 3U);
    std::uint64_t packets = 0;
    for (const auto* row : selection.rows) packets += row->packets();
    EXPECT_EQ(packets, 3U + 6U + 3U);
}

TEST_F(SelectionTest, EqualIdsOfAnotherRunAreOtherFlows) {
    keep(part(flow(1), 1, false));
    auto other = flow(1);
    other.run = 2;
    keep(other);
    EXPECT_EQ(select(query_).rows.size(), 2U);
}

TEST_F(SelectionTest, FiltersSeeTheWholeFlow) {
    keep(part(flow(1), 1, false));
    keep(part(flow(1), 2, true));
    query_.packets_min = 6;
    EXPECT_EQ(select(query_).rows.size(), 1U);
    query_.records = true;
    EXPECT_EQ(select(query_).rows.size(), 0U) << "no part has six packets";
}

TEST_F(SelectionTest, RecordsShowPartsAndCountFlowsOnce) {
    keep(part(flow(1), 1, false));
    keep(part(flow(1), 2, true));
    query_.records = true;
    const auto selection = select(query_, {live(part(flow(2), 1, false))});
    EXPECT_EQ(selection.rows.size(), 3U);
    EXPECT_EQ(sum(selection).totals.flows, 2U);
}

TEST_F(SelectionTest, SortedAndLimited) {
    for (std::uint64_t id = 1; id <= 10; ++id) {
        auto stored = flow(id, "10.0.0.1", "192.0.2.7", 200 - id);
        stored.directions[0].bytes = id * 100;
        keep(stored);
    }
    query_.limit = 3;
    auto selection = select(query_);
    ASSERT_EQ(selection.rows.size(), 3U);
    EXPECT_TRUE(selection.truncated);
    EXPECT_EQ(selection.rows[0]->id, 10U) << "earliest first";
    query_.sort = SortKey::bytes;
    query_.descending = true;
    selection = select(query_);
    EXPECT_EQ(selection.rows[0]->bytes(), 1050U);
    EXPECT_EQ(select(query_, {}, false).rows.size(), 10U) << "sums need them all";
}

TEST_F(SelectionTest, SumTalkersAndPorts) {
    keep(flow(1, "10.0.0.1", "192.0.2.7", 100));
    keep(flow(2, "10.0.0.1", "192.0.2.8", 700));
    keep(flow(3, "10.0.0.2", "192.0.2.7", 1400));
    const auto selection = select(query_);
    const auto all = sum(selection);
    EXPECT_EQ(all.totals.flows, 3U);
    EXPECT_EQ(all.totals.bytes, 450U);
    EXPECT_EQ(all.sources, 2U);
    EXPECT_EQ(all.destinations, 2U);
    const auto talkers = groups(selection, GroupBy::source);
    ASSERT_EQ(talkers.size(), 2U);
    EXPECT_EQ(talkers[0].label, "10.0.0.1");
    EXPECT_EQ(talkers[0].totals.flows, 2U);
    EXPECT_EQ(talkers[0].destinations, 2U);
    const auto ports = groups(selection, GroupBy::port);
    ASSERT_EQ(ports.size(), 1U);
    EXPECT_EQ(ports[0].label, "80");
    EXPECT_EQ(ports[0].detail, "TCP");
}

TEST_F(SelectionTest, GroupsAndIntervalsInTheOrderThatIsAskedFor) {
    keep(flow(1, "10.0.0.3", "192.0.2.7", 100));
    keep(flow(2, "10.0.0.1", "192.0.2.7", 700));
    keep(flow(3, "10.0.0.1", "192.0.2.7", 800));
    keep(flow(4, "10.0.0.2", "192.0.2.7", 1400));
    query_.interval_ns = 600 * second_ns;
    const auto first_of = [&](const char* sort, Shape shape) {
        query_.sort = SortKey::first;
        query_.descending = query_.sorted = false;
        if (*sort != '\0') {
            EXPECT_FALSE(parse_query({{"sort", sort}}, {}, query_));
        }
        bool too_many = false;
        const auto selection = select(query_);
        if (shape == Shape::by) return groups(selection, GroupBy::source).at(0).label;
        return std::to_string(timeline(selection, too_many).at(0).time_ns / second_ns);
    };
    EXPECT_EQ(first_of("", Shape::by), "10.0.0.1") << "most bytes";
    EXPECT_EQ(first_of("-bytes", Shape::by), "10.0.0.2");
    EXPECT_EQ(first_of("first", Shape::by), "10.0.0.3");
    EXPECT_EQ(first_of("-first", Shape::by), "10.0.0.2");
    EXPECT_EQ(first_of("last", Shape::by), "10.0.0.3");
    EXPECT_EQ(first_of("duration", Shape::by), "10.0.0.1");
    EXPECT_EQ(first_of("", Shape::timeline), "0");
    EXPECT_EQ(first_of("-first", Shape::timeline), "1200");
    EXPECT_EQ(first_of("packets", Shape::timeline), "600");
}

TEST_F(SelectionTest, GroupsCountPartsOfAFlowOnce) {
    keep(part(flow(1), 1, false));
    keep(part(flow(1), 2, true));
    query_.records = true;
    const auto sources = groups(select(query_), GroupBy::source);
    ASSERT_EQ(sources.size(), 1U);
    EXPECT_EQ(sources[0].totals.flows, 1U);
    EXPECT_EQ(sources[0].totals.packets, 6U);
}

TEST_F(SelectionTest, TimelineByStartWithoutGaps) {
    keep(flow(1, "10.0.0.1", "192.0.2.7", 100));
    keep(flow(2, "10.0.0.1", "192.0.2.7", 599));
    keep(flow(3, "10.0.0.1", "192.0.2.7", 1900));
    query_.interval_ns = 600 * second_ns;
    bool too_many = false;
    const auto buckets = timeline(select(query_), too_many);
    ASSERT_EQ(buckets.size(), 4U);
    EXPECT_EQ(buckets[0].flows, 2U);
    EXPECT_EQ(buckets[1].flows, 0U);
    EXPECT_EQ(buckets[3].time_ns, 1800 * second_ns);
    query_.interval_ns = 1'000'000;
    keep(flow(4, "10.0.0.1", "192.0.2.7", 1'000'000));
    EXPECT_TRUE(timeline(select(query_), too_many).empty());
    EXPECT_TRUE(too_many);
}

TEST_F(SelectionTest, ByRule) {
    auto hit = flow(1);
    hit.rule_count = 1;
    hit.rule_generation = 1;
    keep(hit);
    keep(flow(2));
    const auto rules = groups(select(query_), GroupBy::rule);
    ASSERT_EQ(rules.size(), 1U);
    EXPECT_EQ(rules[0].label, "4711");
    EXPECT_EQ(rules[0].detail, "probe");
}

}  // namespace
}  // namespace picket::store
