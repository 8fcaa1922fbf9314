// What rules cost, counted exactly; and what a measurement leaves of it for others to read.
#include "dataplane/match/rule_costs.h"

#include <gtest/gtest.h>

#include "tests/unit/match/match_harness.h"

namespace picket::match {
namespace {

api::RuleCost cost_of(const Harness& harness, std::uint32_t sid) {
    api::RuleCost cost;
    for (std::size_t i = 0; i < harness.compiled.rules.size(); ++i) {
        if (harness.compiled.rules[i].sid == sid) harness.matcher->costs()->add_to(cost, i);
    }
    return cost;
}

TEST(RuleCosts, CountsEveryJudgement) {
    Harness harness(http_rule(R"(http.uri; content:"/evil.cgi"; pcre:"/id=\d+$/";)", 1) +
                    http_rule(R"(http.uri; content:"/other.cgi";)", 2));
    ASSERT_EQ(harness.rejects, "");
    std::vector<TestRequest> requests;
    for (int i = 0; i < 20; ++i) {
        requests.push_back({"GET", i % 2 == 0 ? "/evil.cgi?id=7" : "/evil.cgi?id=x", "Host: h\r\n", ""});
        requests.push_back({"GET", "/index.html", "Host: h\r\n", ""});
    }
    EXPECT_EQ(harness.requests(requests).size(), 10u);
    const api::RuleCost cost = cost_of(harness, 1);
    EXPECT_EQ(cost.candidates, 20u);
    EXPECT_EQ(cost.hits, 10u);
    EXPECT_EQ(cost.limits_exceeded, 0u);
    EXPECT_EQ(cost.measured, (20 + RuleCosts::timed_every - 1) / RuleCosts::timed_every);
    EXPECT_GT(cost.cycles, 0u);
    const api::RuleCost none = cost_of(harness, 2);
    EXPECT_EQ(none.candidates + none.measured + none.cycles + none.hits, 0u);
    EXPECT_EQ(harness.matcher->counters().candidates, 20u);
}

TEST(RuleCosts, CountsTextsInWhichTheFilterFindsARulesElement) {
    Harness harness(http_rule(R"(http.uri; content:"/evil.cgi"; urilen:>100;)", 1) +
                    http_rule(R"(http.request_body; content:"wget http";)", 2));
    ASSERT_EQ(harness.rejects, "");
    EXPECT_EQ(harness
                  .requests({{"GET", "/evil.cgi?a=/evil.cgi", "Host: h\r\n", ""},
                             {"GET", "/index.html", "Host: h\r\n", ""},
                             {"GET", "/%65vil.cgi/evil.cgi", "Host: h\r\n", ""}})
                  .size(),
              0u);
    EXPECT_EQ(cost_of(harness, 1).found, 2u) << "a request counts once, however often and however written";
    EXPECT_EQ(cost_of(harness, 2).found, 0u);
    const auto scanned = [&harness](api::FilterGroup group) {
        return harness.matcher->costs()->scanned(static_cast<std::size_t>(group));
    };
    EXPECT_EQ(scanned(api::FilterGroup::uri), 3u);
    EXPECT_EQ(scanned(api::FilterGroup::head), 3u);
    EXPECT_EQ(scanned(api::FilterGroup::response), 0u);
    EXPECT_EQ(scanned(api::FilterGroup::payload), 0u);
}

TEST(RuleCosts, ARareRuleIsTimedAtItsFirstJudgement) {
    Harness harness(http_rule(R"(http.uri; content:"/evil.cgi";)", 1));
    EXPECT_TRUE(harness.matches_uri("/evil.cgi"));
    const api::RuleCost cost = cost_of(harness, 1);
    EXPECT_EQ(cost.candidates, 1u);
    EXPECT_EQ(cost.measured, 1u);
    EXPECT_GT(cost.cycles, 0u);
}

TEST(RuleCosts, LimitsAreCountedAtTheRuleThatMetThem) {
    Harness harness(http_rule(R"(http.uri; content:"/slow"; pcre:"/^\/slow(x+)+y/";)", 1) +
                    http_rule(R"(http.uri; content:"/slow";)", 2));
    ASSERT_EQ(harness.rejects, "");
    EXPECT_FALSE(harness.matches_uri("/slow" + std::string(200, 'x') + "-y", 1));
    EXPECT_EQ(cost_of(harness, 1).limits_exceeded, 1u);
    EXPECT_EQ(cost_of(harness, 2).limits_exceeded, 0u);
    EXPECT_EQ(cost_of(harness, 2).hits, 1u);
    EXPECT_EQ(harness.matcher->counters().limits_exceeded, 1u);
}

TEST(RuleCosts, PayloadsToo) {
    Harness harness("alert udp any any -> any any (content:\"probe\"; sid:1;)\n");
    ASSERT_EQ(harness.rejects, "");
    const std::string text = "a probe";
    PayloadView view;
    view.ends.protocol = 17;
    view.payload = {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
    EXPECT_EQ(harness.payloads({{view}}).size(), 1u);
    EXPECT_EQ(cost_of(harness, 1).candidates, 1u);
    EXPECT_EQ(cost_of(harness, 1).hits, 1u);
}

TEST(RuleCosts, OutliveTheirMatcher) {
    Harness harness(http_rule(R"(http.uri; content:"/evil.cgi";)", 1));
    EXPECT_TRUE(harness.matches_uri("/evil.cgi"));
    const auto costs = harness.matcher->costs();
    harness.matcher.reset();
    api::RuleCost cost;
    costs->add_to(cost, 0);
    costs->add_to(cost, 0);
    EXPECT_EQ(cost.hits, 2u) << "added to what was there";
}

}  // namespace
}  // namespace picket::match
