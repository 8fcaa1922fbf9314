// What rules see beyond the head of a request: bodies, whole and cut, and responses.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/unit/match/match_harness.h"
#include "tests/unit/match/naive_matcher.h"

namespace picket::match {
namespace {

TestRequest post(const std::string& body, bool cut = false) {
    return {"POST", "/form", "Host: h\r\n", body, cut};
}
TestRequest answer(const std::string& status, const std::string& headers = "Server: nginx\r\n") {
    return {"", "", headers, "", false, status};
}
std::string response_rule(const std::string& options, std::uint32_t sid = 1) {
    return "alert http any any -> any any (flow:to_client; " + options + " sid:" + std::to_string(sid) +
           ";)\n";
}

TEST(RuleBodies, AreLookedAtInEverySyntax) {
    for (const char* rule : {"alert http any any -> any any (http.request_body; content:\"b=2\"; sid:1;)",
                             "alert tcp any any -> any any (content:\"b=2\"; http_client_body; sid:1;)",
                             "alert tcp any any -> any any (pcre:\"/^a=1&b=2$/P\"; sid:1;)",
                             "alert http (msg:\"x\"; http_client_body; content:\"b=2\"; sid:1;)"}) {
        Harness harness(rule);
        EXPECT_EQ(harness.rejects, "");
        EXPECT_TRUE(harness.matches(post("a=1&b=2"))) << rule;
        EXPECT_FALSE(harness.matches(post("a=1"))) << rule;
        EXPECT_FALSE(harness.matches({"GET", "/?a=1&b=2", "X: a=1&b=2\r\n", ""})) << rule;
    }
}

TEST(RuleBodies, AreDecodedInTheSnortDialects) {
    const std::string rule = "alert tcp any any -> any any (content:\"<a b>\"; http_client_body; sid:1;)";
    EXPECT_TRUE(Harness(rule, {api::Dialect::snort2, {}}).matches(post("x=%3ca+b%253E")));
    EXPECT_FALSE(Harness(rule).matches(post("x=%3ca+b%253E")));
    EXPECT_TRUE(Harness("alert http (http_raw_body; content:\"%3ca+b\"; sid:1;)", {api::Dialect::snort3, {}})
                    .matches(post("x=%3ca+b%253E")));
}

// Of a body whose end is not at hand, only what no continuation can change holds.
TEST(RuleBodies, OfWhichTheEndIsMissingDecideOnlyWhatTheyCan) {
    struct Case {
        const char* options;
        bool whole;
        bool cut;
    };
    const Case cases[] = {
        {"content:\"b=2\";", true, true},
        {"content:!\"c=3\";", true, false},
        {"content:!\"c=3\"; depth:5;", true, true},
        {"content:!\"c=3\"; depth:9;", true, false},
        {"content:!\"b=2\";", false, false},
        {"content:\"a=1\"; content:!\"c\"; distance:0; within:4;", true, true},
        {"content:\"b=2\"; endswith;", true, false},
        {"content:!\"a=1\"; endswith;", true, false},
        {"bsize:7;", true, false},
        {"bsize:>5;", true, true},
        {"bsize:>7;", false, false},
        {"bsize:<20;", true, false},
        {"pcre:\"/b=2$/\";", true, false},
        {"pcre:\"/b=\\d/\";", true, true},
        {"pcre:!\"/c=3/\";", true, false},
        {"content:\"a=1\"; isdataat:3,relative;", true, true},
        {"content:\"b=2\"; isdataat:!1,relative;", true, false},
    };
    for (const Case& test : cases) {
        Harness harness(http_rule(std::string("http.request_body; ") + test.options));
        ASSERT_EQ(harness.rejects, "") << test.options;
        EXPECT_EQ(harness.matches(post("a=1&b=2")), test.whole) << test.options;
        EXPECT_EQ(harness.matches(post("a=1&b=2", true)), test.cut) << test.options;
    }
}

TEST(RuleBodies, AreAbsentWithoutOne) {
    Harness harness(http_rule("http.request_body; content:!\"x\";"));
    EXPECT_FALSE(harness.matches(post("")));
    EXPECT_TRUE(harness.matches(post("a")));
}

TEST(RuleResponses, AreWhatRulesToTheClientSee) {
    const auto holds = [](const std::string& options, const TestRequest& request) {
        Harness harness(response_rule(options));
        EXPECT_EQ(harness.rejects, "") << options;
        return harness.matches(request);
    };
    EXPECT_TRUE(holds("http.stat_code; content:\"404\";", answer("404 Not Found")));
    EXPECT_FALSE(holds("http.stat_code; content:\"404\";", answer("200 404")));
    EXPECT_TRUE(
        holds("http.stat_msg; content:\"Not Found\"; startswith; endswith;", answer("404 Not Found")));
    EXPECT_TRUE(holds("content:\"200\"; http_stat_code; content:\"nginx\"; http_header;", answer("200 OK")));
    EXPECT_TRUE(holds("http.server; content:\"nginx\"; bsize:5;", answer("200 OK")));
    EXPECT_FALSE(holds("http.header; content:\"nginx\";", {"GET", "/", "Server: nginx\r\n", ""}));
    EXPECT_TRUE(holds("http.response_line; content:\"HTTP/1.1 200 OK\"; bsize:15;", answer("200 OK")));
    EXPECT_TRUE(holds("http.response_header; content:\"B|3a 20|2\"; startswith; endswith;",
                      answer("200 OK", "A: 1\r\nB:   2 \r\n")));
    EXPECT_TRUE(holds("http.cookie; content:\"a=1, b=2\";",
                      answer("200 OK", "Set-Cookie: a=1\r\nX: y\r\nSet-Cookie:b=2\r\n")));
    EXPECT_FALSE(
        holds("http.header; content:\"Cookie\"; nocase;", answer("200 OK", "Set-Cookie: a=1\r\nX: y\r\n")));
}

TEST(RuleResponses, AndRequestsAreBothSeenWithoutADirection) {
    Harness harness(
        "alert http any any -> any any (http.header; content:\"X|3a 20|1\"; sid:1;)\n"
        "alert http any any -> any any (http.stat_code; content:\"200\"; sid:2;)\n"
        "alert http any any -> any any (http.uri; content:\"/\"; http.header; content:\"X\"; sid:3;)\n");
    EXPECT_EQ(harness.rejects, "");
    const std::vector<TestRequest> messages{{"GET", "/", "X: 1\r\n", ""}, answer("200 OK", "X: 1\r\n")};
    EXPECT_EQ(harness.requests(messages), (Hits{{0, 1}, {0, 3}, {1, 1}, {1, 2}}));
}

TEST(RuleHeaders, AreLookedAtOneByOne) {
    Harness harness(http_rule("http.request_header; content:\"Key: \"; startswith; pcre:\"/^[a-z]+$/R\";"));
    EXPECT_TRUE(harness.matches({"GET", "/", "A: 1\r\nKey: abc\r\nB: 2\r\n", ""}));
    EXPECT_FALSE(harness.matches({"GET", "/", "A: 1\r\nKey: abc2\r\nB: x\r\n", ""}));
    EXPECT_TRUE(harness.matches({"GET", "/", " \r\n \r\nKey: abc\r\n", ""})) << "blank lines end nothing";
}

// Random rules over requests with bodies and responses, in batches of every size.
TEST(RuleResponses, AgreeWithANaiveEvaluator) {
    static const char* const buffers[] = {"http.header; ",   "http.stat_code; ",      "http.stat_msg; ",
                                          "http.cookie; ",   "http.start; ",          "http.response_line; ",
                                          "http.protocol; ", "http.response_header; "};
    static const char* const contents[] = {"content:\"a\"; ",   "content:!\"b\"; ",
                                           "content:\"20\"; ",  "pcre:\"/a.?b/\"; ",
                                           "content:\", a\"; ", "content:\"ab\"; nocase; "};
    std::mt19937 random(5);
    std::string text;
    for (std::uint32_t sid = 1; sid <= 300; ++sid) {
        std::string options;
        for (unsigned chains = 1 + random() % 2; chains > 0; --chains) {
            options += std::string(buffers[random() % 8]) + contents[random() % 6] +
                       (random() % 2 == 0 ? contents[random() % 6] : "");
        }
        const std::string any =
            "alert http any any -> any any (" + options + " sid:" + std::to_string(sid) + ";)\n";
        text += random() % 2 == 0 ? response_rule(options, sid) : any;
    }
    const rules::ParsedRules parsed = rules::parse_rules(text, "random.rules", {});
    EXPECT_EQ(rules::list_rejects(parsed.rejects), "");
    const auto word = [&] {
        std::string made;
        for (unsigned i = random() % 6; i > 0; --i) made += "abAB0"[random() % 5];
        return made;
    };
    std::vector<TestRequest> messages;
    for (int i = 0; i < 200; ++i) {
        std::string headers = "X: a" + word() + "\r\n";
        if (i % 3 != 0)
            headers += "Set-Cookie: a" + word() + "\r\nY: b" + word() + "\r\nSet-Cookie: a" + word() + "\r\n";
        if (i % 4 == 0) {
            messages.push_back({"POST", "/" + word(), "Cookie: c" + word() + "\r\n" + headers, word()});
        } else {
            messages.push_back(answer(std::to_string(200 + random() % 4) + " a" + word(), headers));
        }
    }
    Hits expected;
    for (std::uint32_t i = 0; i < messages.size(); ++i) {
        const RequestTexts texts(messages[i], api::Dialect::suricata);
        for (const rules::Rule& rule : parsed.rules) {
            if (naive_matches(rule, texts.view())) expected.insert({i, rule.sid});
        }
    }
    EXPECT_GT(expected.size(), 1000u);
    Harness harness(parsed.rules);
    for (const std::size_t batch : {1u, 7u, 64u, 1000u}) {
        EXPECT_EQ(harness.requests(messages, batch), expected) << "batches of " << batch;
    }
}

}  // namespace
}  // namespace picket::match
