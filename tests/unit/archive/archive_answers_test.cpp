// A question has one answer, wherever the flows lie that answer it: random flows and queries, asked of memory
// and of archives of every state.
#include <algorithm>
#include <utility>

#include "controlplane/serve/flow_json.h"
#include "controlplane/store/selection.h"
#include "controlplane/store/shapes.h"
#include "tests/unit/archive/archive_fixtures.h"

namespace picket::archive {
namespace {

using tests::FlowMaker;
using tests::second_ns;

constexpr std::uint64_t begin_ns = 1'000'000 * second_ns;

store::Networks networks(FlowMaker& maker) {
    std::vector<store::Network> list;
    for (std::uint64_t i = 0; i < 1 + maker.below(3); ++i) {
        const auto address = maker.address();
        const auto length = static_cast<std::uint8_t>(maker.below(2) ? 128 : 96 + maker.below(33));
        list.push_back({store::mask_address(address, length), length});
    }
    // More than are searched one by one, most of them of no flow.
    const unsigned more = maker.below(6) == 0 ? 70 : 0;
    for (unsigned i = 0; i < more; ++i)
        list.push_back({*store::parse_address("198.51.100." + std::to_string(i)), 128});
    return std::make_shared<store::NetworkSet>(list);
}

store::Query any_query(FlowMaker& maker) {
    store::Query query;
    const auto maybe = [&] { return maker.below(4) == 0; };
    if (maybe()) query.since_ns = begin_ns + maker.below(4000) * second_ns;
    if (maybe()) query.until_ns = begin_ns + maker.below(4000) * second_ns;
    if (maybe()) query.hosts = networks(maker);
    if (maybe()) query.source = networks(maker);
    if (maybe()) query.destination = networks(maker);
    if (maybe()) query.port = static_cast<std::uint16_t>(maker.below(4) * 80);
    if (maybe()) query.destination_port = static_cast<std::uint16_t>(maker.below(4) * 80);
    if (maybe()) query.source_port = static_cast<std::uint16_t>(maker.below(5) * 1000);
    if (maybe()) query.protocol = maker.below(2) ? 6 : 17;
    if (maybe()) query.vlan = static_cast<std::uint16_t>(maker.below(3));
    if (maybe()) query.packets_min = maker.below(40);
    if (maybe()) query.bytes_min = maker.below(20'000);
    if (maybe()) query.unanswered = true;
    if (maybe()) query.outcome = static_cast<store::FlowOutcome>(maker.below(8));
    if (maybe()) query.flow_id = 1 + maker.below(600);
    if (maybe()) query.rule = store::RuleId{std::nullopt, 4711};
    query.records = maybe();
    query.sort = static_cast<store::SortKey>(maker.below(5));
    return query;
}

// Rules of the archive's generations, else of the present one.
class BothRules final : public store::RuleDirectory {
  public:
    BothRules(const store::RuleDirectory& present, const Archive& archive)
        : present_(present), archive_(archive) {}
    [[nodiscard]] std::shared_ptr<const store::RuleGeneration> generation(
        std::uint32_t number) const override {
        return Archive::is_archived(number) ? archive_.generation(number) : present_.generation(number);
    }

  private:
    const store::RuleDirectory& present_;
    const Archive& archive_;
};

std::vector<std::string> rows_of(const store::Selection& selection) {
    std::vector<std::string> rows;
    for (const auto* row : selection.rows) rows.push_back(tests::fields_of(*row));
    return rows;
}

class ArchiveAnswers : public ::testing::TestWithParam<unsigned> {
  protected:
    void SetUp() override {
        FlowMaker maker(GetParam());
        std::vector<store::StoredFlow> parts;
        for (std::uint64_t id = 1; id <= 500; ++id) {
            for (const auto& part : maker.flow(id)) parts.push_back(part);
        }
        std::stable_sort(parts.begin(), parts.end(),
                         [](const auto& a, const auto& b) { return a.last_ns < b.last_ns; });
        // Some flows are live still: their last part lies in a table.
        for (const auto& part : parts) {
            if (part.final && part.id % 9 == 0) {
                live_.push_back(tests::live(part));
            } else {
                ended_.push_back(part);
            }
        }
    }

    void expect_same_answers(const Archive& archive, const char* when) {
        store::FlowStore memory(100'000);
        memory.append(ended_);
        const BothRules both(rules_, archive);
        FlowMaker maker(GetParam() + 1000);
        std::size_t rows = 0;
        for (unsigned i = 0; i < 120 / tests::slowness; ++i) {
            const auto query = any_query(maker);
            const auto expected =
                store::select_flows(memory.snapshot(), live_, query, {requests_, rules_}, false);
            const auto found =
                store::select_flows(archive.ask(query, live_).flows, live_, query, {requests_, both}, false);
            ASSERT_EQ(rows_of(found), rows_of(expected)) << when << ", query " << i;
            ASSERT_EQ(found.distinct_flows, expected.distinct_flows) << when << ", query " << i;
            expect_same_first(archive, memory, query, 1 + maker.below(40));
            expect_same_totals(archive, memory, query);
            if (i % 4 == 0) expect_same_totals(archive, memory, without_judgement(query));
            rows += found.rows.size();
        }
        EXPECT_GT(rows, 1000U / tests::slowness) << "the queries find something";
    }

    // The first rows, as they are shown, and the totals of all, where an order and a limit are given.
    void expect_same_first(const Archive& archive, const store::FlowStore& memory, store::Query query,
                           std::size_t limit) {
        const BothRules both(rules_, archive);
        query.limit = limit;
        query.descending = limit % 2 == 0;
        if (limit % 4 != 0) query.rule = std::nullopt;
        if (limit % 4 != 0) query.outcome = std::nullopt;
        const auto expected =
            store::select_flows(memory.snapshot(), live_, query, {requests_, rules_}, false);
        const auto found =
            store::select_flows(archive.ask(query, live_).flows, live_, query, {requests_, both}, false);
        ASSERT_EQ(found.rows.size(), expected.rows.size());
        ASSERT_EQ(found.distinct_flows, expected.distinct_flows);
        for (std::size_t i = 0; i < std::min(limit, found.rows.size()); ++i) {
            ASSERT_EQ(serve::flow_row(*found.rows[i], {requests_, both}, query.records),
                      serve::flow_row(*expected.rows[i], {requests_, rules_}, query.records))
                << i;
        }
        const auto totals = store::sum_flows(found, query, {requests_, both}).totals;
        const auto wanted = store::sum_flows(expected, query, {requests_, rules_}).totals;
        EXPECT_EQ(totals.packets, wanted.packets);
        EXPECT_EQ(totals.bytes, wanted.bytes);
        EXPECT_EQ(totals.last_ns, wanted.last_ns);
    }

    // Totals and groups, of flows that were never kept as rows.
    void expect_same_totals(const Archive& archive, const store::FlowStore& memory, store::Query query) {
        const BothRules both(rules_, archive);
        const store::QueryJoin join{requests_, both};
        const std::pair<store::Shape, store::GroupBy> kinds[] = {
            {store::Shape::sum, {}},
            {store::Shape::talkers, {}},
            {store::Shape::timeline, {}},
            {store::Shape::by, store::GroupBy::destination},
            {store::Shape::by, store::GroupBy::rule},
            {store::Shape::by, store::GroupBy::port},
            {store::Shape::by, store::GroupBy::payload}};
        for (const auto& [shape, group_by] : kinds) {
            query.shape = shape;
            query.group_by = group_by;
            query.interval_ns = 600 * second_ns;
            store::FlowShaper expected(query, join);
            expected.add(store::select_flows(memory.snapshot(), live_, query, {requests_, rules_}, false));
            store::FlowShaper found(query, join);
            const auto tell = [&](const store::StoredFlow& flow) {
                if (store::matches(query, flow, join)) found.add(flow);
            };
            const auto answer = archive.ask(query, live_, {tell, &found});
            found.add(store::select_flows(answer.flows, live_, query, join, false));
            EXPECT_EQ(text_of(found, shape), text_of(expected, shape));
        }
    }

    // What the engine can judge by itself.
    static store::Query without_judgement(store::Query query) {
        query.hosts = query.source = query.destination = nullptr;
        query.rule.reset();
        query.outcome.reset();
        query.records = false;
        return query;
    }

    static std::string text_of(store::FlowShaper& shaper, store::Shape shape) {
        std::string text;
        const auto add = [&](const store::Totals& totals) {
            for (const auto value : {totals.flows, totals.packets, totals.bytes, totals.first_ns,
                                     totals.last_ns, totals.udp_payload[0], totals.udp_payload[1]})
                text += std::to_string(value) + " ";
        };
        const auto sum = shaper.sum();
        add(sum.totals);
        text += std::to_string(sum.sources) + " " + std::to_string(sum.destinations) + "\n";
        if (shape == store::Shape::sum) text += std::to_string(sum.totals.unanswered) + "\n";
        for (const auto& group : shaper.groups()) {
            text += group.label + " ";
            add(group.totals);
        }
        bool too_many = false;
        for (const auto& bucket : shaper.timeline(too_many))
            text += std::to_string(bucket.time_ns) + " " + std::to_string(bucket.flows) + " " +
                    std::to_string(bucket.packets) + " " + std::to_string(bucket.bytes) + "\n";
        return text;
    }

    std::vector<store::StoredFlow> ended_;
    std::vector<store::StoredFlow> live_;
    tests::TemporaryDirectory directory_;
    tests::FixedRules rules_;
    store::RequestStore requests_{100, 1 << 20};
    detect::EventLog events_;
};

TEST_P(ArchiveAnswers, AreThoseOfMemory) {
    const std::size_t half = ended_.size() / 2;
    {
        Archive archive(tests::archive_settings(directory_.archive()), rules_, events_);
        archive.add_flows(std::span(ended_).first(half));
        ASSERT_EQ(archive.finish(), std::nullopt);
    }
    {
        Archive archive(tests::archive_settings(directory_.archive()), rules_, events_);
        archive.add_flows(std::span(ended_).subspan(half));
        expect_same_answers(archive, "half on disk, half waiting");
        ASSERT_EQ(archive.finish(), std::nullopt);
        expect_same_answers(archive, "all on disk");
    }
    const Archive archive(tests::closed_archive(directory_.archive()), rules_, events_);
    expect_same_answers(archive, "closed");
}

INSTANTIATE_TEST_SUITE_P(Seeds, ArchiveAnswers, ::testing::Values(1U, 2U, 3U));

}  // namespace
}  // namespace picket::archive
