// Connections whose segments come in any pieces and any order.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/pipeline_harness.h"

namespace picket::testing {

struct Segment {
    bool from_client;
    std::uint32_t at;  // of its first byte in the side's stream
    std::string_view text;
};

// A connection whose segments are sent one by one, in any order. Acknowledgments are the test's affair.
class Connection {
  public:
    enum class Seen : std::uint8_t { from_syn, midstream };

    explicit Connection(PipelineHarness& harness, std::uint16_t port = 4000, Seen seen = Seen::from_syn)
        : harness_(&harness), port_(port) {
        if (seen == Seen::midstream) return;
        send({true, 0xffffffff, ""}, parse::tcp_syn);
        send({false, 0xffffffff, ""}, parse::tcp_syn | parse::tcp_ack);
    }
    Connection& send(const Segment& segment, std::uint8_t flags = parse::tcp_ack, std::uint32_t ack = 0) {
        const testing::TcpFields fields{flags, first(segment.from_client) + segment.at,
                                        first(!segment.from_client) + ack};
        auto builder = PacketBuilder().ethernet();
        if (segment.from_client) {
            builder.ipv4("10.1.7.44", "203.0.113.80").tcp(port_, 80, fields);
        } else {
            builder.ipv4("203.0.113.80", "10.1.7.44").tcp(80, port_, fields);
        }
        harness_->feed(builder.payload(segment.text), time_ns_ += 1000);
        return *this;
    }
    Connection& client(std::uint32_t at, std::string_view text) { return send({true, at, text}); }
    Connection& server(std::uint32_t at, std::string_view text) { return send({false, at, text}); }
    // The server has got the client's first bytes.
    Connection& server_acknowledges(std::uint32_t bytes) {
        return send({false, 0, ""}, parse::tcp_ack, bytes);
    }
    Connection& wait(std::uint64_t time_ns) {
        time_ns_ += time_ns;
        return *this;
    }

  private:
    static std::uint32_t first(bool client) { return client ? 0xfffffff0u : 9000u; }  // numbers wrap

    PipelineHarness* harness_;
    std::uint16_t port_;
    std::uint64_t time_ns_ = second_ns;
};

// All requests and responses, once everything that was fed has gone by and its flows have ended.
inline std::string told(PipelineHarness& worker) {
    worker.run(7);
    worker.finish(9 * second_ns);
    std::string text;
    for (const auto& request : worker.requests)
        text += request.method + ' ' + request.uri + ' ' + request.host + '\n';
    for (const auto& response : worker.responses) {
        std::int64_t bytes = response.event.body_bytes;
        for (const auto& end : worker.response_ends) {
            if (end.request == response.event.request) bytes = end.body_bytes;
        }
        text += std::to_string(response.event.request) + ' ' + std::to_string(response.event.status) + ' ' +
                response.content_type + ' ' + std::to_string(bytes) + '\n';
    }
    EXPECT_EQ(worker.area.counters.http_states_active, 0u);
    return text;
}

inline std::vector<Segment> cut(bool from_client, std::string_view text, std::vector<std::size_t> at) {
    at.push_back(text.size());
    std::vector<Segment> segments;
    std::size_t from = 0;
    for (const std::size_t to : at) {
        if (to > from)
            segments.push_back({from_client, static_cast<std::uint32_t>(from), text.substr(from, to - from)});
        from = std::max(from, to);
    }
    return segments;
}

}  // namespace picket::testing
