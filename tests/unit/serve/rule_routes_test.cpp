// What the control socket says of rules beyond their list: what they cost, and what compiling them did.
#include "tests/unit/serve/control_server_fixture.h"

namespace picket::serve {
namespace {

TEST_F(ControlServerTest, CostsOfRulesDearestFirst) {
    std::ofstream(rules_file_)
        << "alert http any any -> any any (msg:\"cheap\"; http.uri; content:\"/a.cgi\"; sid:1;)\n"
           "alert http any any -> any any (msg:\"dear\"; http.uri; content:\"/b.cgi\"; sid:2;)\n"
           "alert http any any -> any any (msg:\"idle\"; http.uri; content:\"/c.cgi\"; sid:3;)\n";
    start();
    await_rules(1);
    EXPECT_EQ(get("/v1/rules/cost", 503)["error"]["what"], "no rule was measured");
    auto& area = fake().rule_costs();
    area.costs[0] = {16, 2, 1000, 4, 0, 20};
    area.scanned = {100, 90, 80, 70, 60};
    area.costs[1] = {8, 1, 5000, 0, 3};
    area.rules = 3;
    area.generation = 1;
    const auto answer = get("/v1/rules/cost");
    EXPECT_EQ(answer["generation"], 1);
    EXPECT_EQ(answer["loaded"], 3);
    ASSERT_EQ(answer["rows"].size(), 2U) << "only what was judged";
    EXPECT_EQ(answer["rows"][0]["sid"], 2);
    EXPECT_EQ(answer["rows"][0]["cycles"], 40'000) << "eight judgements, of which one was timed";
    EXPECT_EQ(answer["rows"][0]["limits_exceeded"], 3);
    EXPECT_EQ(answer["rows"][1]["msg"], "cheap");
    EXPECT_EQ(answer["rows"][1]["cycles"], 8000);
    EXPECT_EQ(answer["rows"][1]["hits"], 4);
    EXPECT_EQ(answer["rows"][1]["found"], 20);
    EXPECT_EQ(answer["scanned"]["uri"], 100);
    EXPECT_EQ(answer["scanned"]["response"], 60);
    const auto& element = answer["rows"][1]["element"];
    EXPECT_EQ(element["text"], "uri");
    EXPECT_EQ(element["pattern"], "/a.cgi");
    EXPECT_EQ(element["kind"], "literal");
    EXPECT_LT(element["expected_share"], 0.01);
    area.rules = ~std::uint64_t{0};
    EXPECT_EQ(get("/v1/rules/cost")["rows"].size(), 2U) << "whatever the other process says";
    area.generation = 99;
    get("/v1/rules/cost", 503);
}

TEST_F(ControlServerTest, ACacheSavesCompilingAndSaysWhatIsWrongWithIt) {
    settings_.rules.cache_directory = (directory_ / "cache").string();
    start();
    await_rules(1);
    EXPECT_FALSE(std::filesystem::is_empty(directory_ / "cache"));
    for (const auto& found : std::filesystem::directory_iterator(directory_ / "cache"))
        std::filesystem::resize_file(found.path(), 90);
    ASSERT_TRUE(send("POST", "/v1/rules/reload", " "));
    std::string events;
    const auto answer = get("/v1/events");
    for (const auto& event : answer["rows"]) events += event["text"].get<std::string>() + "\n";
    EXPECT_NE(events.find("damaged"), std::string::npos) << events;
    EXPECT_EQ(get("/v1/rules")["generation"], 2);
}

}  // namespace
}  // namespace picket::serve
