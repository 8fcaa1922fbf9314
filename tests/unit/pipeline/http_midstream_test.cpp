// Requests and responses of connections that are joined midstream: nothing says where their streams begin.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

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
TEST(HttpMidstream, WholeRequestsInReverse) {
    const std::array<std::string_view, 4> requests{"GET /0 HTTP/1.1\r\n\r\n", "GET /1 HTTP/1.1\r\n\r\n",
                                                   "GET /2 HTTP/1.1\r\n\r\n", "GET /3 HTTP/1.1\r\n\r\n"};
    PipelineHarness worker;
    Connection connection(worker, 4000, Connection::Seen::midstream);
    for (const std::uint32_t i : {2u, 1u, 0u, 3u}) connection.client(i * 18, requests[i]);
    std::string responses;
    for (const char number : {'0', '1', '2', '3'})
        responses += std::string("HTTP/1.1 20") + number + " OK\r\nContent-Length: 0\r\n\r\n";
    connection.send({false, 0, responses}, parse::tcp_ack, 4 * 18);
    worker.run();
    worker.finish(9 * second_ns);
    ASSERT_EQ(worker.requests.size(), 4u);
    ASSERT_EQ(worker.responses.size(), 4u);
    EXPECT_EQ(worker.requests[0].uri, "/2");
    for (const auto& response : worker.responses)
        EXPECT_EQ(worker.requests[response.event.request].uri,
                  "/" + std::to_string(response.event.status - 200));
    EXPECT_EQ(worker.area.counters.http_gaps, 0u);
}

// Of a request in two segments the second one, of any bytes, may come first.
TEST(HttpMidstream, ABodyBeforeItsHead) {
    PipelineHarness worker;
    Connection(worker, 4000, Connection::Seen::midstream)
        .client(44, "\x80\x81\r\nGET /x HTTP/1.1\r\n\r\n")
        .client(0, "POST /upload HTTP/1.1\r\nContent-Length: 24\r\n\r\n");
    worker.run();
    EXPECT_EQ(told(worker), "POST /upload \n");
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
