// The matcher against a naive evaluator, over random rules and requests and over the corpus where it is at
// hand, with batches of every size.
#include "dataplane/match/matcher.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "controlplane/rules/rule_files.h"
#include "tests/unit/match/match_harness.h"
#include "tests/unit/match/naive_matcher.h"

namespace picket::match {
namespace {

constexpr std::size_t batch_sizes[] = {1, 7, 32, 1000};

// All pairs of request and rule, asked of the naive evaluator.
Hits naive_hits(const std::vector<rules::Rule>& rules, const std::vector<TestRequest>& requests) {
    Hits hits;
    for (std::uint32_t i = 0; i < requests.size(); ++i) {
        const RequestTexts texts(requests[i], api::Dialect::suricata);
        const RequestView view = texts.view();
        for (const rules::Rule& rule : rules) {
            if (naive_matches(rule, view)) {
                hits.insert({i, rule.sid});
            }
        }
    }
    return hits;
}

Hits difference(const Hits& a, const Hits& b) {
    Hits only_one;
    std::ranges::set_symmetric_difference(a, b, std::inserter(only_one, only_one.end()));
    return only_one;
}

class RandomText {
  public:
    explicit RandomText(unsigned seed) : random_(seed) {}

    std::string operator()(std::size_t length_max, const std::string& alphabet = "ab/.") {
        std::string text(1 + random_() % length_max, ' ');
        for (char& byte : text) {
            byte = alphabet[random_() % alphabet.size()];
        }
        return text;
    }
    unsigned number(unsigned below) { return static_cast<unsigned>(random_() % below); }

  private:
    std::mt19937 random_;
};

std::string random_options(RandomText& random) {
    static const char* const buffers[] = {"http.uri; ",        "http.uri.raw; ",       "http.header; ",
                                          "http.user_agent; ", "http.request_body; ",  "http.request_line; ",
                                          "http.start; ",      "http.request_header; "};
    std::string options = buffers[random.number(8)];
    const unsigned count = 1 + random.number(4);
    for (unsigned i = 0; i < count; ++i) {
        if (random.number(5) == 0) {
            static const char* const patterns[] = {"a+b",   "^/a", "b$",       "\\Aa",
                                                   "[^b]/", "a.b", "(a|b)\\z", "x?"};
            options += std::string("pcre:") + (random.number(6) == 0 ? "!" : "") + "\"/" +
                       patterns[random.number(8)] + "/" + (random.number(3) == 0 ? "R" : "") +
                       (random.number(3) == 0 ? "i" : "") + "\"; ";
            continue;
        }
        const std::string text = random(3);
        options += std::string("content:") + (random.number(5) == 0 ? "!" : "") + "\"" + text + "\"; ";
        options += random.number(3) == 0 ? "nocase; " : "";
        switch (random.number(4)) {
            case 0:
                options += "distance:" + std::to_string(static_cast<int>(random.number(6)) - 2) + "; ";
                options += random.number(2) == 0
                               ? "within:" + std::to_string(text.size() + random.number(4)) + "; "
                               : "";
                break;
            case 1:
                options += "offset:" + std::to_string(random.number(4)) + "; ";
                options += random.number(2) == 0
                               ? "depth:" + std::to_string(text.size() + random.number(6)) + "; "
                               : "";
                break;
            case 2:
                options += random.number(4) == 0 ? "endswith; " : "";
                break;
            default:
                break;
        }
    }
    return options;
}

TEST(Matcher, AgreesWithANaiveEvaluator) {
    RandomText random(11);
    std::string text;
    for (std::uint32_t sid = 1; sid <= 600; ++sid) {
        text += http_rule(random_options(random) + (sid % 5 == 0 ? random_options(random) : ""), sid);
    }
    const rules::ParsedRules parsed = rules::parse_rules(text, "random.rules", {});
    EXPECT_EQ(rules::list_rejects(parsed.rejects), "");
    std::vector<TestRequest> requests;
    for (int i = 0; i < 400; ++i) {
        requests.push_back({"GET", "/" + random(14, "abAB/.%2f"), "", ""});
        if (i % 3 != 0) {
            requests.back().headers = "User-Agent: " + random(10) + "\r\nX: " + random(8) + "\r\n";
        }
        if (i % 5 == 0) {
            requests.back().body = random(20, "abAB/.\n");
        }
    }
    const Hits expected = naive_hits(parsed.rules, requests);
    EXPECT_GT(expected.size(), 1000u);
    Harness harness(parsed.rules);
    for (const std::size_t batch : batch_sizes) {
        EXPECT_EQ(harness.requests(requests, batch), expected) << "batches of " << batch;
    }
    EXPECT_EQ(harness.matcher->counters().limits_exceeded, 0u);
    EXPECT_EQ(harness.matcher->counters().scan_failures, 0u);
}

TEST(Matcher, TakesTextsLargerThanItsBatch) {
    Harness harness(http_rule(R"(http.uri; content:"needle";)", 1) +
                    http_rule(R"(http.header; content:"X-Needle|3a| yes";)", 2) +
                    http_rule(R"(http.uri; content:"short";)", 3));
    const std::string large(300 * 1024, 'x');
    const std::string header = "Filler: " + std::string(60 * 1024, 'f') + "\r\nX-Needle: yes\r\n";
    std::vector<TestRequest> requests;
    for (int i = 0; i < 70; ++i) {
        requests.push_back({"GET", "/short", header, ""});
        requests.push_back({"GET", "/" + large + "needle", "Host: h\r\n", ""});
    }
    Hits expected;
    for (std::uint32_t i = 0; i < requests.size(); i += 2) {
        expected.insert({{i, 2}, {i, 3}, {i + 1, 1}});
    }
    EXPECT_EQ(harness.requests(requests, 140), expected);
}

TEST(Matcher, CountsWhatPasses) {
    Harness harness(http_rule(R"(http.uri; content:"/rarely-seen";)"));
    std::vector<TestRequest> requests(100, {"GET", "/ordinary", "", ""});
    requests[7].uri = "/rarely-seen";
    EXPECT_EQ(harness.requests(requests), (Hits{{7, 1}}));
    const MatcherCounters& counters = harness.matcher->counters();
    EXPECT_EQ(counters.requests, 100u);
    EXPECT_EQ(counters.requests_passed, 1u);
    EXPECT_EQ(counters.candidates, 1u);
    EXPECT_EQ(counters.hits, 1u);
}

TEST(Matcher, ScansNoPayloadWithoutRules) {
    Harness harness(http_rule(R"(http.uri; content:"/x";)"));
    PayloadView view;
    const std::uint8_t bytes[] = {1, 2, 3};
    view.payload = bytes;
    view.packet_size = static_cast<std::uint32_t>(view.payload.size());
    harness.payloads({&view, 1});
    EXPECT_EQ(harness.matcher->counters().payloads, 0u);
    EXPECT_FALSE(harness.set->wants_payload(view.ends));
    EXPECT_TRUE(harness.set->wants_requests());
}

std::vector<TestRequest> corpus_requests(const std::filesystem::path& captures, std::size_t count) {
    std::ifstream file(captures / "uris/elastic+examples/Common Data Formats/apache_logs/apache_logs");
    std::vector<TestRequest> requests;
    for (std::string line; requests.size() < count && std::getline(file, line);) {
        const std::size_t quote = line.find('"');
        const std::size_t first = line.find(' ', quote);
        const std::size_t second = line.find(' ', first + 1);
        if (second != std::string::npos) {
            requests.push_back({line.substr(quote + 1, first - quote - 1),
                                line.substr(first + 1, second - first - 1),
                                "Host: www.example.org\r\nUser-Agent: Mozilla/4.0 (compatible)\r\n", ""});
        }
    }
    return requests;
}

TEST(Matcher, AgreesWithANaiveEvaluatorOnTheCorpus) {
    const char* captures = std::getenv("PICKET_CAPTURES");
    if (captures == nullptr || !std::filesystem::exists(captures)) {
        GTEST_SKIP() << "no corpus: PICKET_CAPTURES names no folder";
    }
    rules::ParsedRules parsed =
        rules::load_rule_files({std::string(captures) + "/rules/*/rules/web-*.rules"}, {});
    std::erase_if(parsed.rules, [](const rules::Rule& rule) {
        return rule.kind != api::RuleKind::request || !rule.destination_ports.any || !rule.source_ports.any;
    });
    ASSERT_GT(parsed.rules.size(), 500u);
    // Requests that ordinary visitors made, and for every third rule one that has all its contents.
    std::vector<TestRequest> requests = corpus_requests(captures, 150);
    for (std::size_t i = 0; i < parsed.rules.size(); i += 3) {
        std::string uri = "/";
        for (const rules::OptionChain& chain : parsed.rules[i].chains) {
            for (const rules::BufferOption& option : chain.options) {
                uri += option.kind == api::RuleOptionKind::content ? option.bytes : "";
            }
        }
        requests.push_back({"GET", uri, "Host: h\r\n", ""});
    }
    const Hits expected = naive_hits(parsed.rules, requests);
    EXPECT_GT(expected.size(), 200u);
    Harness harness(parsed.rules);
    for (const std::size_t batch : batch_sizes) {
        EXPECT_EQ(difference(harness.requests(requests, batch), expected), Hits()) << "batches of " << batch;
    }
}

}  // namespace
}  // namespace picket::match
