// Rules on bodies and responses, whose bytes come in any pieces and any order.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "controlplane/rules/rule_compiler.h"
#include "controlplane/rules/rule_parser.h"
#include "tests/support/pipeline_harness.h"

namespace picket {
namespace {

using testing::Conversation;
using testing::PacketBuilder;
using testing::PipelineHarness;
using testing::second_ns;

const std::string rules_text =
    "alert http any any -> any any (http.request_body; content:\"needle\"; sid:1;)\n"
    "alert http any any -> any any (http.request_body; content:!\"absent\"; sid:2;)\n"
    "alert http any any -> any any (http.uri; content:\"/form\"; sid:3;)\n"
    "alert http any any -> any any (http.uri; content:\"/form\"; http.request_body; pcre:\"/end$/\"; "
    "sid:4;)\n"
    "alert http any any -> any any (http.stat_code; content:\"404\"; sid:5;)\n"
    "alert http 203.0.113.80 80 -> 10.1.7.44 any (flow:to_client; http.header; content:\"X-Tail\"; sid:6;)\n";

using Counts = std::map<std::uint32_t, int>;  // by rule: how often it hit

class RuleMessages : public ::testing::Test {
  protected:
    static PipelineSettings settings() {
        PipelineSettings settings = PipelineHarness::replay_settings();
        settings.http.body_bytes = 256;
        settings.http.bodies = 2;
        return settings;
    }

    void SetUp() override {
        const auto parsed = rules::parse_rules(rules_text, "test.rules", {});
        ASSERT_EQ(rules::list_rejects(parsed.rejects), "");
        const auto compiled = rules::compile_rules(parsed.rules, {});
        std::string error;
        const auto set = match::RuleSet::load(compiled.blob, 1, error);
        ASSERT_TRUE(set) << error;
        worker.pipeline.offer_matcher(match::Matcher::create(set, error).release());
        worker.pipeline.housekeep(second_ns);
    }

    // How often each rule has hit so far.
    std::map<std::uint32_t, int> hits(bool finish = true, std::size_t burst = 7) {
        worker.run(burst);
        if (finish) {
            worker.finish(9 * second_ns);
            EXPECT_EQ(worker.area.counters.http_states_active, 0u);
        }
        std::map<std::uint32_t, int> counts;
        for (const auto& hit : worker.hits) ++counts[hit.rule + 1];
        return counts;
    }

    PipelineHarness worker{settings()};
};

std::string post(const std::string& body) {
    return "POST /form HTTP/1.1\r\nHost: a.example\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}
const std::string chunked =
    "POST /form HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n"
    "7;x=y\r\nthe nee\r\n9\r\ndle's end\r\n0\r\nTrailer: t\r\n\r\n";

TEST_F(RuleMessages, BodiesAreSeenInAnyPieces) {
    std::uint16_t port = 4000;
    for (const std::string& text : {post("the needle's end"), chunked}) {
        const std::size_t head = text.find("\r\n\r\n") + 4;
        for (std::size_t size = 1; size <= text.size(); ++size)
            Conversation(worker, port++).handshake().in_segments(text, size);
        Conversation(worker, port++).handshake().client(text.substr(0, head)).client(text.substr(head));
        const int times = static_cast<int>(text.size()) + 1;
        EXPECT_EQ(hits(false), (Counts{{1, times}, {2, times}, {3, times}, {4, times}}));
        EXPECT_EQ(worker.requests.size(), static_cast<std::size_t>(times)) << "a request is told once";
        worker.hits.clear();
        worker.requests.clear();
    }
}

TEST_F(RuleMessages, OtherRulesDoNotWaitForTheBody) {
    const std::string text = post("the needle's end");
    Conversation conversation(worker);
    conversation.handshake().client(text.substr(0, text.size() - 4));
    EXPECT_EQ(hits(false), (Counts{{3, 1}}));
    conversation.client(text.substr(text.size() - 4));
    EXPECT_EQ(hits(), (Counts{{1, 1}, {2, 1}, {3, 1}, {4, 1}}));
    for (const auto& hit : worker.hits) EXPECT_EQ(hit.request, 0u);
}

TEST_F(RuleMessages, OfALongBodyTheFirstBytesAreSeen) {
    const std::string filler(250, 'x');
    std::uint16_t port = 4000;
    for (const std::size_t size : {1u, 100u, 5000u}) {
        Conversation(worker, port++)
            .handshake()
            .in_segments(post("needle" + filler + "end"), size);  // 259 bytes
        Conversation(worker, port++)
            .handshake()
            .in_segments(post(filler + "needle end"), size);  // from byte 250
        Conversation(worker, port++).handshake().in_segments(post(filler + " needle"), size);  // ends at 257
        Conversation(worker, port++).handshake().in_segments(post(filler + "ndlend"), size);  // 256: all seen
    }
    EXPECT_EQ(hits(false), (Counts{{1, 6}, {2, 3}, {3, 12}, {4, 3}}));
}

TEST_F(RuleMessages, OfABodyThatNeverEndsWhatCameIsSeen) {
    const std::string text = post("the needle's end");
    Conversation(worker)
        .handshake()
        .client(text.substr(0, text.size() - 2))
        .client(text.substr(text.size() - 2, 1));
    EXPECT_EQ(hits(false), (Counts{{3, 1}}));
    EXPECT_EQ(hits(), (Counts{{1, 1}, {3, 1}}));
}

TEST_F(RuleMessages, BodiesOutOfOrderAreSeenInOrder) {
    const std::string text = post("the needle's end");
    const std::size_t cut = text.size() - 12;  // "the |needle's end"
    Conversation(worker)
        .handshake()
        .client(text.substr(0, cut))
        .client_lost(5)
        .client(text.substr(cut + 5))
        .client_lost(static_cast<std::uint32_t>(-12))
        .client(text.substr(cut, 5));
    EXPECT_EQ(hits(), (Counts{{1, 1}, {2, 1}, {3, 1}, {4, 1}}));
}

TEST_F(RuleMessages, BytesOfABodyThatAreMissingCutIt) {
    const std::string text = post("a needle, bytes that are lost, needle, end");
    Conversation(worker)
        .handshake()
        .client(text.substr(0, text.size() - 32))
        .client_lost(20)
        .client(text.substr(text.size() - 12));
    EXPECT_EQ(hits(), (Counts{{1, 1}, {3, 1}}));
}

TEST_F(RuleMessages, WhatComesAfterTheBodyIsTheNextRequest) {
    const std::string two = post("a needle, end") + post("nothing else");
    std::uint16_t port = 4000;
    for (const std::size_t size : {1u, 11u, 5000u})
        Conversation(worker, port++).handshake().in_segments(two, size);
    EXPECT_EQ(hits(), (Counts{{1, 3}, {2, 6}, {3, 6}, {4, 3}}));
    for (const auto& hit : worker.hits) {
        EXPECT_TRUE(hit.rule != 0 || hit.request == 0);
    }
}

TEST_F(RuleMessages, WhoWaitsLongestGivesWay) {
    const std::string text = post("a needle, and the end");
    const std::size_t begun = text.size() - 5;
    std::vector<Conversation> conversations;
    for (std::uint16_t i = 0; i < 5; ++i) {
        conversations.emplace_back(worker, static_cast<std::uint16_t>(4000 + i));
        conversations.back().handshake().client(text.substr(0, begun - 3)).client(text.substr(begun - 3, 3));
    }
    EXPECT_EQ(hits(false), (Counts{{1, 3}, {3, 5}}))
        << "three of five were displaced, and judged as they were";
    EXPECT_EQ(worker.area.counters.http_states_exhausted, 3u);
    for (auto& conversation : conversations) conversation.client(text.substr(begun));
    EXPECT_EQ(hits(), (Counts{{1, 5}, {2, 2}, {3, 5}, {4, 2}}));
}

TEST_F(RuleMessages, ResponsesAreSeenInAnyPieces) {
    const std::string text =
        "HTTP/1.1 404 Not Found\r\nServer: x\r\nX-Tail: 1\r\nContent-Length: 3\r\n\r\nabc";
    std::uint16_t port = 4000;
    for (std::size_t size = 1; size <= text.size(); ++size) {
        Conversation conversation(worker, port++);
        conversation.handshake().client("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        for (std::size_t at = 0; at < text.size(); at += size)
            conversation.server(std::string_view(text).substr(at, size));
    }
    const int times = static_cast<int>(text.size());
    EXPECT_EQ(hits(), (Counts{{5, times}, {6, times}}));
    EXPECT_EQ(worker.responses.size(), text.size());
}

TEST_F(RuleMessages, AnAnswerToABodyThatGoesOnIsSeenAtOnce) {
    const std::string text = post("a needle, end");
    Conversation conversation(worker);
    conversation.handshake().client(text.substr(0, text.size() - 5));
    conversation.server("HTTP/1.1 100 Continue\r\n\r\n").server("HTTP/1.1 404 Not Found\r\n\r\n");
    EXPECT_EQ(hits(false), (Counts{{3, 1}, {5, 1}}));
    conversation.client(text.substr(text.size() - 5));
    EXPECT_EQ(hits(), (Counts{{1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}}));
}

}  // namespace
}  // namespace picket
