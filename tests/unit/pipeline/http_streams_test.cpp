// Requests and responses whose bytes come in any pieces and any order.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/support/http_connection.h"

namespace picket {
namespace {

using testing::Connection;
using testing::cut;
using testing::PipelineHarness;
using testing::second_ns;
using testing::Segment;
using testing::told;

const std::string two_requests =
    "POST /upload HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n"
    "1d;x=y\r\nGET /body HTTP/1.1\r\nHost: b\r\n\r\n0\r\nTrailer: t\r\n\r\n"
    "brew /next?q=1 HTTP/1.1\r\nHost: c.example\r\n\r\n";
const std::string two_responses =
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"
    "12\r\nHTTP/1.1 500 Not\r\n\r\n0\r\n\r\n"
    "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\nnot found";

const std::string expected =
    "POST /upload a.example\nbrew /next?q=1 c.example\n0 201  18\n1 404 text/html 9\n";

TEST(HttpStreams, EverySplitPositionInEitherOrder) {
    for (std::size_t at = 1; at < two_requests.size(); ++at) {
        for (const bool swapped : {false, true}) {
            PipelineHarness worker;
            Connection connection(worker);
            auto segments = cut(true, two_requests, {at});
            if (swapped) std::swap(segments[0], segments[1]);
            for (const auto& segment : segments) connection.send(segment);
            connection.server(0, two_responses);
            ASSERT_EQ(told(worker), expected) << at << swapped;
        }
    }
    for (std::size_t at = 1; at < two_responses.size(); ++at) {
        for (const bool swapped : {false, true}) {
            PipelineHarness worker;
            Connection connection(worker);
            connection.client(0, two_requests);
            auto segments = cut(false, two_responses, {at});
            if (swapped) std::swap(segments[0], segments[1]);
            for (const auto& segment : segments) connection.send(segment);
            ASSERT_EQ(told(worker), expected) << at << swapped;
        }
    }
}

TEST(HttpStreams, EveryOrderOfThreeSegments) {
    for (std::size_t first = 1; first + 1 < two_requests.size(); first += 5) {
        for (std::size_t second = first + 1; second < two_requests.size(); second += 7) {
            std::array<std::size_t, 3> order{0, 1, 2};
            const auto segments = cut(true, two_requests, {first, second});
            do {
                PipelineHarness worker;
                Connection connection(worker);
                for (const std::size_t i : order) connection.send(segments[i]);
                connection.server(0, two_responses);
                ASSERT_EQ(told(worker), expected) << first << ' ' << second;
            } while (std::next_permutation(order.begin(), order.end()));
        }
    }
}

// Any pieces in any order, some of them twice and overlapping: the same requests and responses.
TEST(HttpStreams, AnyPiecesInAnyOrder) {
    std::mt19937 dice(3);
    for (int round = 0; round < 400; ++round) {
        PipelineHarness worker;
        Connection connection(worker);
        for (const bool from_client : {true, false}) {
            const std::string_view text = from_client ? two_requests : two_responses;
            std::vector<std::size_t> at;
            for (std::size_t i = 0; i < 1 + dice() % 12; ++i) at.push_back(1 + dice() % (text.size() - 1));
            std::sort(at.begin(), at.end());
            auto segments = cut(from_client, text, at);
            for (int i = 0; i < 3; ++i) {  // overlaps and repeats
                const std::size_t from = dice() % text.size();
                segments.push_back(
                    {from_client, static_cast<std::uint32_t>(from), text.substr(from, 1 + dice() % 80)});
            }
            std::shuffle(segments.begin(), segments.end(), dice);
            for (const auto& segment : segments) connection.send(segment);
        }
        ASSERT_EQ(told(worker), expected) << round;
        EXPECT_EQ(worker.area.counters.http_gaps, 0u);
    }
}

TEST(HttpStreams, WhatIsAcknowledgedAndUnseenIsPassedOver) {
    PipelineHarness worker;
    Connection(worker)
        .client(0, "GET /half HTTP/1.1\r\nHost: a")
        .client(200, "GET /next HTTP/1.1\r\n\r\n")
        .server_acknowledges(150)
        .server_acknowledges(222)
        .wait(second_ns / 50)
        .server_acknowledges(222)
        .client(222, "GET /third HTTP/1.1\r\n\r\n");
    worker.run();
    ASSERT_EQ(worker.requests.size(), 3u);
    EXPECT_EQ(worker.requests[0].uri, "/half");
    EXPECT_EQ(worker.requests[1].uri, "/next");
    EXPECT_EQ(worker.area.counters.http_gaps, 1u);
    EXPECT_EQ(worker.area.counters.http_segments_held, 1u);
}

// Of a tap's two fibres either may be read first: an acknowledgment alone does not show that bytes are
// missing.
TEST(HttpStreams, AnAcknowledgmentMayOvertakeWhatItAcknowledges) {
    PipelineHarness worker;
    Connection(worker)
        .client(10, "HTTP/1.1\r\nHost: a\r\n\r\n")
        .server_acknowledges(33)
        .server_acknowledges(33)
        .client(0, "GET /late ");
    worker.run();
    ASSERT_EQ(worker.requests.size(), 1u);
    EXPECT_EQ(worker.requests[0].uri, "/late");
    EXPECT_EQ(worker.area.counters.http_gaps, 0u);
}

// A response shows that its request has come, wherever its beginning is.
TEST(HttpStreams, AnAnswerShowsWhatIsMissing) {
    PipelineHarness worker;
    Connection(worker)
        .client(0, "GET /first HTTP/1.1\r\n\r\n")
        .client(100, "GET /second HTTP/1.1\r\n\r\n")
        .send({false, 0, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}, parse::tcp_ack, 124)
        .server(38, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    worker.run();
    ASSERT_EQ(worker.responses.size(), 2u);
    EXPECT_EQ(worker.responses[1].event.request, 1u);
    EXPECT_EQ(worker.area.counters.http_gaps, 1u);
}

TEST(HttpStreams, AResponseByteByByte) {
    const std::string_view response = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    for (const auto seen : {Connection::Seen::from_syn, Connection::Seen::midstream}) {
        PipelineHarness worker;
        Connection connection(worker, 4000, seen);
        connection.client(0, "what is this?\n");
        for (std::size_t at = 0; at < response.size(); ++at)
            connection.server(static_cast<std::uint32_t>(at), response.substr(at, 1));
        worker.run();
        worker.finish(9 * second_ns);
        ASSERT_EQ(worker.responses.size(), 1u);
        EXPECT_EQ(worker.responses[0].event.status, 400);
        EXPECT_EQ(worker.responses[0].event.ends.client_port, 4000);
    }
}

TEST(HttpStreams, AResetTellsWhatWaits) {
    PipelineHarness worker;
    Connection(worker)
        .client(0, "GET /a HTTP/1.1\r\n\r\n")
        .client(100, "GET /b HTTP/1.1\r\n\r\n")
        .send({false, 0, ""}, parse::tcp_rst);
    worker.run();
    EXPECT_EQ(worker.requests.size(), 2u);
}

TEST(HttpStreams, ResponsesWithoutBodyOrLength) {
    PipelineHarness worker;
    Connection(worker)
        .client(
            0,
            "HEAD /h HTTP/1.1\r\n\r\nGET /n HTTP/1.1\r\n\r\nGET /m HTTP/1.1\r\n\r\nGET /c HTTP/1.0\r\n\r\n")
        .server(0, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
        .server(
            40,
            "HTTP/1.1 204 No\r\n\r\nHTTP/1.1 304 No\r\nContent-Length: 7\r\n\r\nHTTP/1.0 200 OK\r\n\r\nab")
        .server(0, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
    worker.run();
    worker.finish(9 * second_ns);
    ASSERT_EQ(worker.responses.size(), 4u);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(worker.responses[i].event.request, i);
    EXPECT_EQ(worker.responses[0].event.body_bytes, 0);
    EXPECT_EQ(worker.responses[3].event.flags, api::response_goes_on);
    ASSERT_EQ(worker.response_ends.size(), 1u);
    EXPECT_EQ(worker.response_ends[0].request, 3u);
    EXPECT_EQ(worker.response_ends[0].body_bytes, 2);
}

// Bytes missing within a body do not hide where it ends.
TEST(HttpStreams, GapsWithinResponseBodies) {
    PipelineHarness worker;
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n";
    const auto body = static_cast<std::uint32_t>(head.size());
    Connection(worker)
        .client(0, "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n")
        .server(0, head)
        .server(body + 2000, std::string(1000, 'x'))
        .server(body + 3000, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    worker.run();
    ASSERT_EQ(worker.responses.size(), 2u);
    EXPECT_EQ(worker.responses[1].event.request, 1u);
    EXPECT_EQ(worker.responses[1].event.status, 404);
    ASSERT_EQ(worker.response_ends.size(), 1u);
    EXPECT_EQ(worker.response_ends[0].body_bytes, 3000);
    EXPECT_EQ(worker.area.counters.http_gaps, 0u);
}

TEST(HttpStreams, AnotherProtocolTakesOver) {
    for (const std::string_view opening : {"CONNECT a:443 HTTP/1.1\r\n\r\n", "GET /ws HTTP/1.1\r\n\r\n"}) {
        PipelineHarness worker;
        const bool connect = opening.front() == 'C';
        const auto at = static_cast<std::uint32_t>(opening.size());
        Connection(worker)
            .client(0, opening)
            .server(0, connect ? "HTTP/1.1 200 OK\r\n\r\n" : "HTTP/1.1 101 Go\r\n\r\n")
            .client(at, "GET /inner HTTP/1.1\r\n\r\n")
            .server(19, "HTTP/1.1 200 OK\r\n\r\n");
        worker.run();
        worker.finish(9 * second_ns);
        EXPECT_EQ(worker.requests.size(), 1u);
        EXPECT_EQ(worker.responses.size(), 1u);
    }
}

TEST(HttpStreams, AResponseAloneHasNoRequest) {
    PipelineHarness worker;
    Connection(worker)
        .server(0, "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n")
        .server(41, "HTTP/1.1 200 OK\r\n\r\n");
    worker.run();
    worker.finish(9 * second_ns);
    ASSERT_EQ(worker.responses.size(), 2u);
    EXPECT_EQ(worker.responses[0].event.request, api::request_none);
    EXPECT_EQ(worker.responses[0].event.ends.client_port, 4000);
    EXPECT_EQ(worker.flows.at(0).requests, 0u);
}

// A head beyond the bound is kept up to it, and its end is found.
TEST(HttpStreams, TheRequestAfterAVeryLongHead) {
    const std::string long_line =
        "GET /" + std::string(30'000, 'u') + " HTTP/1.1\r\nContent-Length: 5\r\n\r\nGET /";
    const std::string long_headers = "POST /p HTTP/1.1\r\nX: " + std::string(30'000, 'h') +
                                     "\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nGET\r\n0\r\n\r\n";
    for (const std::string& text : {long_line, long_headers}) {
        for (const std::size_t size : {std::size_t{1000}, std::size_t{1460}, std::size_t{20'000}}) {
            PipelineHarness worker;
            Connection connection(worker);
            const std::string all = text + "GET /next HTTP/1.1\r\n\r\n";
            for (std::size_t at = 0; at < all.size(); at += size)
                connection.client(static_cast<std::uint32_t>(at), std::string_view(all).substr(at, size));
            worker.run();
            ASSERT_EQ(worker.requests.size(), 2u) << size;
            EXPECT_NE(worker.requests[0].event.flags & api::request_head_truncated, 0u);
            EXPECT_EQ(worker.requests[1].uri, "/next");
        }
    }
}

}  // namespace
}  // namespace picket
