// Requests and responses of connections that are joined midstream: nothing says where their streams begin.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "tests/support/http_connection.h"
#include "tests/support/rule_worker.h"

namespace picket {
namespace {

using testing::Connection;
using testing::cut;
using testing::PipelineHarness;
using testing::RuleWorker;
using testing::second_ns;
using testing::told;

// Both sides' first three segments in any order, though nothing says where the streams begin.
TEST(HttpMidstream, EveryOrder) {
    const std::string request =
        "GET /midstream?a=bcdefgh HTTP/1.1\r\nHost: a.example\r\nX: yyyyyyyyyy\r\n\r\n";
    const std::string response =
        "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\nnot found";
    for (std::size_t first = 1; first < 60; first += 11) {
        for (std::size_t second = first + 1; second < request.size(); second += 9) {
            std::array<std::size_t, 3> order{0, 1, 2};
            const auto asked = cut(true, request, {first, second});
            const auto answered = cut(false, response, {first, second});
            do {
                PipelineHarness worker;
                Connection connection(worker, 4000, Connection::Seen::midstream);
                for (const std::size_t i : order) connection.send(asked[i]);
                for (const std::size_t i : order) connection.send(answered[i]);
                ASSERT_EQ(told(worker), "GET /midstream?a=bcdefgh a.example\n0 404 text/html 9\n")
                    << first << ' ' << second << ' ' << order[0] << order[1] << order[2];
            } while (std::next_permutation(order.begin(), order.end()));
        }
    }
}

// Nothing shows that others belong before a whole request: it is told at once, but answered in its turn.
TEST(HttpMidstream, RequestsInAnotherOrder) {
    struct Piece {
        std::uint32_t at;
        std::string_view text;
    };
    const std::array<Piece, 5> pieces{{{0, "HEAD /0 HTTP/1.1\r\n\r\n"},
                                       {20, "GET /1 HTTP/1.1\r\n\r\n"},
                                       {39, "GET /2 HTTP/1.1\r\n\r\n"},
                                       {0, "HEAD /0 HTTP/1.1\r\n"},
                                       {18, "\r\n"}}};
    const std::vector<std::vector<std::size_t>> orders{{2, 1, 0}, {1, 2, 0}, {1, 0, 2}, {1, 2, 3, 4}};
    for (const auto& order : orders) {
        PipelineHarness worker;
        Connection connection(worker, 4000, Connection::Seen::midstream);
        for (const std::size_t i : order) connection.client(pieces[i].at, pieces[i].text);
        const std::string_view responses =
            "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"
            "HTTP/1.1 201 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 202 OK\r\nContent-Length: 0\r\n\r\n";
        connection.send({false, 0, responses}, parse::tcp_ack, 58);
        worker.run();
        worker.finish(9 * second_ns);
        ASSERT_EQ(worker.requests.size(), 3u);
        ASSERT_EQ(worker.responses.size(), 3u);
        for (const auto& response : worker.responses) {
            EXPECT_EQ(worker.requests[response.event.request].uri,
                      "/" + std::to_string(response.event.status - 200));
        }
    }
}

// An earlier request that comes when answers are counted off already takes no other's answer.
TEST(HttpMidstream, ARequestFromBeforeTheFirstAnswer) {
    PipelineHarness worker;
    Connection(worker, 4000, Connection::Seen::midstream)
        .client(100, "GET /1 HTTP/1.1\r\n\r\n")
        .send({false, 0, "HTTP/1.1 201 OK\r\nContent-Length: 0\r\n\r\n"}, parse::tcp_ack, 119)
        .send({true, 119, ""}, parse::tcp_ack, 38)
        .client(0, "GET /0 HTTP/1.1\r\n\r\n")
        .client(119, "GET /2 HTTP/1.1\r\n\r\n");
    worker.run();
    ASSERT_EQ(worker.responses.size(), 1u);
    EXPECT_EQ(worker.responses[0].event.request, 0u);
    EXPECT_EQ(worker.requests[0].uri, "/1");
}

// A bare acknowledgment is enough for the first answer.
TEST(HttpMidstream, TheFirstAnswerIsToldWithItsAcknowledgment) {
    PipelineHarness worker;
    Connection(worker, 4000, Connection::Seen::midstream)
        .client(0, "GET /1 HTTP/1.1\r\n\r\n")
        .server(0, "HTTP/1.1 204 No\r\n\r\n")
        .send({true, 19, ""}, parse::tcp_ack, 19);
    worker.run();
    ASSERT_EQ(worker.responses.size(), 1u);
    EXPECT_EQ(worker.responses[0].event.status, 204);
}

// Of a request in two segments the second one, of any bytes, may come first: it is a body that rules look at,
// and no request.
TEST(HttpMidstream, ABodyBeforeItsHead) {
    const std::string_view head = "POST /upload HTTP/1.1\r\nContent-Length: 23\r\n\r\n";
    RuleWorker sensor;
    sensor.load("alert http any any -> any any (http.request_body; content:\"GET /x\"; sid:1;)\n");
    Connection(sensor.worker, 4000, Connection::Seen::midstream)
        .client(static_cast<std::uint32_t>(head.size()), "\x80\x81\r\nGET /x HTTP/1.1\r\n\r\n")
        .client(0, head);
    EXPECT_EQ(told(sensor.worker), "POST /upload \n");
    EXPECT_EQ(sensor.hits(), "1:1");
}

// RFC 9293 §3.8.4: a keep-alive may have one byte, of those that were sent before.
TEST(HttpMidstream, ARequestAfterAKeepAlive) {
    for (const std::size_t length : {7u, 19u}) {
        PipelineHarness worker;
        Connection(worker, 4000, Connection::Seen::midstream)
            .client(0, std::string_view("\0", 1))
            .client(1, std::string_view("GET /k HTTP/1.1\r\n\r\n").substr(0, length))
            .client(1 + length, std::string_view("GET /k HTTP/1.1\r\n\r\n").substr(length));
        EXPECT_EQ(told(worker), "GET /k \n");
    }
}

// The bytes of a body that lost its head do not hide the next response, however they are cut.
TEST(HttpMidstream, AResponseAfterTheRestOfAnother) {
    const std::string stream = std::string(30, 'H') + "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    PipelineHarness worker;
    Connection connection(worker, 4000, Connection::Seen::midstream);
    connection.client(0, "GET / HTTP/1.1\r\n\r\n");
    for (std::size_t at = 0; at < stream.size(); ++at)
        connection.server(static_cast<std::uint32_t>(at), std::string_view(stream).substr(at, 1));
    worker.run();
    ASSERT_EQ(worker.responses.size(), 1u);
    EXPECT_EQ(worker.responses[0].event.status, 404);
}

// What is told when a flow ends says of that flow, not of the packet that was looked at last, whether bytes
// were lost.
TEST(HttpMidstream, WhatWaitedForTheEndIsOfItsOwnFlow) {
    RuleWorker sensor;
    sensor.load("alert http any any -> any any (flow:to_client; http.stat_code; content:\"404\"; sid:1;)\n");
    Connection(sensor.worker, 4000, Connection::Seen::midstream)
        .client(0, "GET /x HTTP/1.1\r\n\r\n")
        .server(0, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    Connection(sensor.worker, 4001, Connection::Seen::midstream)
        .client(0, "GET /y HTTP/1.1\r\n\r\n")
        .server_acknowledges(500);
    sensor.worker.run();
    EXPECT_TRUE(sensor.worker.hits.empty());
    sensor.worker.finish(9 * second_ns);
    ASSERT_EQ(sensor.worker.hits.size(), 1u);
    EXPECT_EQ(sensor.worker.hits[0].ends.flow_lost, 0);
}

}  // namespace
}  // namespace picket
