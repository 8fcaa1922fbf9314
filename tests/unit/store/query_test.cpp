// Filters: how they are written and what they let through.
#include "controlplane/store/query.h"

#include <gtest/gtest.h>

#include "controlplane/store/query_parser.h"
#include "tests/unit/store/store_fixtures.h"

namespace picket::store {
namespace {

using tests::flow;
using tests::second_ns;

class QueryTest : public ::testing::Test {
  protected:
    Query parsed(const Parameters& parameters) {
        Query query;
        const auto problem = parse_query(parameters, context_, query);
        EXPECT_FALSE(problem) << problem->what << ": " << problem->why;
        return query;
    }
    std::optional<Problem> refused(const Parameters& parameters) {
        Query query;
        return parse_query(parameters, context_, query);
    }
    bool passes(const Parameters& parameters, const StoredFlow& candidate) {
        return matches(parsed(parameters), candidate, {requests_, rules_});
    }

    std::shared_ptr<NetworkSet> list_ = std::make_shared<NetworkSet>(std::vector{*parse_network("10.0.0.1")});
    QueryContext context_{1000 * second_ns,
                          [this](const std::string& name) { return name == "sobig" ? list_ : nullptr; }};
    RequestStore requests_{100, 1 << 20};
    tests::FixedRules rules_;
};

TEST_F(QueryTest, Ends) {
    const auto candidate = flow(1, "10.0.0.1", "192.0.2.7");
    EXPECT_TRUE(passes({{"host", "192.0.2.0/24"}}, candidate));
    EXPECT_TRUE(passes({{"host", "172.16.0.1"}, {"host", "10.0.0.1"}}, candidate))
        << "hosts are alternatives";
    EXPECT_FALSE(passes({{"src", "192.0.2.7"}}, candidate));
    EXPECT_TRUE(passes({{"dst", "192.0.2.7"}}, candidate));
    EXPECT_TRUE(passes({{"src", "@sobig"}}, candidate));
    EXPECT_FALSE(passes({{"dst", "@sobig"}}, candidate));
    EXPECT_TRUE(passes({{"watch", "sobig"}}, candidate));
    EXPECT_TRUE(passes({{"ips", "1.1.1.1\n10.0.0.0/8 # inside\n"}}, candidate));
    EXPECT_FALSE(passes({{"ips", "# nobody\n"}}, candidate)) << "an empty list lets nothing through";
}

TEST_F(QueryTest, PortsAndProtocol) {
    auto candidate = flow(1);
    EXPECT_TRUE(passes({{"port", "80"}}, candidate));
    EXPECT_TRUE(passes({{"port", "1234"}}, candidate));
    EXPECT_FALSE(passes({{"sport", "80"}}, candidate));
    EXPECT_TRUE(passes({{"dport", "80"}, {"proto", "tcp"}}, candidate));
    EXPECT_FALSE(passes({{"proto", "udp"}}, candidate));
    candidate.protocol = 1;
    EXPECT_FALSE(passes({{"port", "80"}}, candidate)) << "ICMP has no ports";
}

TEST_F(QueryTest, TimeByOverlap) {
    auto candidate = flow(1, "10.0.0.1", "192.0.2.7", 100);
    candidate.last_ns = 200 * second_ns;
    EXPECT_TRUE(passes({{"since", "1970-01-01T00:02:30Z"}}, candidate));
    EXPECT_TRUE(passes({{"until", "1970-01-01T00:02:30Z"}}, candidate));
    EXPECT_FALSE(passes({{"since", "1970-01-01T00:04:00Z"}}, candidate));
    EXPECT_FALSE(passes({{"until", "1970-01-01T00:01:40Z"}}, candidate)) << "until is exclusive";
    EXPECT_TRUE(passes({{"since", "-850s"}}, candidate));
}

TEST_F(QueryTest, RequestsOfTheFlow) {
    auto candidate = flow(5);
    candidate.requests = 1;
    StoredRequest request;
    request.flow = candidate.key();
    request.uri = "/%62.cgi";
    request.uri_normalized = "/b.cgi";
    request.status = 404;
    requests_.add(request);
    EXPECT_TRUE(passes({{"uri", "^/b\\.cgi"}}, candidate));
    EXPECT_TRUE(passes({{"uri", "%62"}}, candidate)) << "the raw target counts too";
    EXPECT_TRUE(passes({{"status", "404"}, {"uri", "cgi"}}, candidate));
    EXPECT_FALSE(passes({{"status", "200"}}, candidate));
    EXPECT_FALSE(passes({{"uri", "x"}}, flow(6)));
}

TEST_F(QueryTest, RuleBySidOrGidAndSid) {
    auto candidate = flow(1);
    EXPECT_FALSE(passes({{"rule", "4711"}}, candidate));
    candidate.rule_count = 1;
    candidate.rule_generation = 1;
    EXPECT_TRUE(passes({{"rule", "4711"}}, candidate));
    EXPECT_TRUE(passes({{"rule", "1:4711"}}, candidate));
    EXPECT_FALSE(passes({{"rule", "3:4711"}}, candidate));
    candidate.rules[0] = 77;
    EXPECT_FALSE(passes({{"rule", "4711"}}, candidate)) << "an index that the generation does not have";
}

TEST_F(QueryTest, OutcomeOfFlows) {
    auto candidate = flow(1);
    const auto outcome = [&] {
        return std::string(outcome_texts[static_cast<std::size_t>(outcome_of(candidate))]);
    };
    EXPECT_EQ(outcome(), "connected");
    candidate.directions[1].payload_first_length = 4;
    EXPECT_EQ(outcome(), "answered");
    candidate.directions[1].payload_first_length = 0;
    candidate.state = api::ConnState::rej;
    EXPECT_EQ(outcome(), "refused");
    candidate.state = api::ConnState::rstr;
    EXPECT_EQ(outcome(), "reset");
    candidate.state = api::ConnState::s0;
    EXPECT_EQ(outcome(), "no-reply");
    candidate.flags = api::flow_cut_short;
    EXPECT_EQ(outcome(), "pending");
    candidate.flags = api::flow_icmp_quoted;
    EXPECT_EQ(outcome(), "unreachable");
    candidate.directions[1].lost_bytes = 10;
    EXPECT_EQ(outcome(), "unknown");
    candidate.protocol = 17;
    EXPECT_EQ(outcome(), "answered");
    candidate.directions[1].packets = 0;
    EXPECT_TRUE(is_unanswered(candidate));
}

TEST_F(QueryTest, UnansweredTcpNeedsPayload) {
    auto candidate = flow(1);
    EXPECT_TRUE(passes({{"unanswered", "1"}}, candidate)) << "a handshake is no answer";
    candidate.history = {'S', 'h', 'A', 'D', 'd'};
    EXPECT_FALSE(passes({{"unanswered", "1"}}, candidate));
}

TEST_F(QueryTest, AmountsOfBothDirections) {
    EXPECT_TRUE(passes({{"min_packets", "3"}, {"min_bytes", "150"}}, flow(1)));
    EXPECT_FALSE(passes({{"min_packets", "4"}}, flow(1)));
}

TEST_F(QueryTest, BadParametersSayWhatAndWhere) {
    const std::vector<Parameters> bad{
        {{"since", "noon"}}, {{"port", "65536"}}, {{"port", ""}},         {{"host", "10.0.0.0/99"}},
        {{"uri", "("}},      {{"proto", "xyz"}},  {{"outcome", "maybe"}}, {{"sort", "colour"}},
        {{"shape", "cube"}}, {{"by", "hour"}},    {{"interval", "0"}},    {{"hots", "10.0.0.1"}},
        {{"rule", "abc"}},   {{"ips", "a\n"}},    {{"limit", "-1"}},      {{"unanswered", "perhaps"}}};
    for (const auto& parameters : bad) {
        const auto problem = refused(parameters);
        ASSERT_TRUE(problem) << parameters[0].first;
        EXPECT_FALSE(problem->what.empty() || problem->where.empty() || problem->why.empty() ||
                     problem->remedy.empty())
            << parameters[0].first;
        EXPECT_EQ(problem->http_status, 400);
    }
    EXPECT_EQ(refused({{"watch", "nobody"}})->http_status, 404);
    EXPECT_TRUE(refused({{"since", "2003-08-23"}, {"until", "2003-08-22"}}));
}

TEST_F(QueryTest, WalkFilterIsNeverStricter) {
    auto filter = walk_filter(parsed({{"src", "10.0.0.0/8"}, {"dport", "80"}, {"proto", "tcp"}}));
    EXPECT_EQ(filter.prefix_count, 1U);
    EXPECT_EQ(filter.prefixes[0].length, 104);
    EXPECT_EQ(filter.port, 80);
    EXPECT_EQ(filter.protocol, 6);
    std::string many;
    for (int i = 0; i < 100; ++i) many += "10.0.1." + std::to_string(i) + "\n";
    filter = walk_filter(parsed({{"ips", many}}));
    EXPECT_EQ(filter.prefix_count, 0U) << "too many for the command: the exact filter does it";
}

}  // namespace
}  // namespace picket::store
