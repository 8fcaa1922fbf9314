#include "dataplane/pipeline.h"

#include <gtest/gtest.h>

#include "tests/support/pipeline_harness.h"

namespace picket {
namespace {

using testing::Conversation;
using testing::PacketBuilder;
using testing::PipelineHarness;
using testing::second_ns;

constexpr std::string_view probe =
    "GET /%62.cgi?alt&174642967&000000000000 HTTP/1.1\r\nHost: www.example.com\r\n\r\n";

TEST(Pipeline, RequestResponseAndFlow) {
    PipelineHarness worker;
    Conversation(worker).handshake().client(probe).server(
        "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 4096\r\n\r\n");
    worker.run();
    worker.finish(9 * second_ns);
    ASSERT_EQ(worker.requests.size(), 1u);
    const auto& request = worker.requests[0];
    EXPECT_EQ(request.method, "GET");
    EXPECT_EQ(request.uri, "/%62.cgi?alt&174642967&000000000000");
    EXPECT_EQ(request.normalized, "/b.cgi?alt&174642967&000000000000");
    EXPECT_EQ(request.host, "www.example.com");
    EXPECT_EQ(request.event.flags, 0u);
    EXPECT_EQ(request.event.ends.client_port, 4000);
    ASSERT_EQ(worker.responses.size(), 1u);
    EXPECT_EQ(worker.responses[0].event.status, 404);
    EXPECT_EQ(worker.responses[0].event.request, 0u);
    EXPECT_EQ(worker.responses[0].content_type, "text/html");
    ASSERT_EQ(worker.flows.size(), 1u);
    EXPECT_EQ(worker.flows[0].requests, 1u);
    EXPECT_EQ(worker.flows[0].first_status, 404);
    EXPECT_EQ(worker.flows[0].flow_id, request.event.ends.flow_id);
}

// Story 15: split at any byte, in bursts of any size, the request is found once and whole.
TEST(Pipeline, SplitRequests) {
    for (std::size_t segment = 1; segment <= probe.size(); ++segment) {
        for (const std::size_t burst : {std::size_t{1}, std::size_t{3}, burst_max}) {
            PipelineHarness worker;
            Conversation(worker).handshake().in_segments(probe, segment).server("HTTP/1.0 200 OK\r\n\r\n");
            worker.run(burst);
            worker.finish(9 * second_ns);
            ASSERT_EQ(worker.requests.size(), 1u) << segment;
            EXPECT_EQ(worker.requests[0].uri, "/%62.cgi?alt&174642967&000000000000");
            EXPECT_EQ(worker.requests[0].host, "www.example.com");
            EXPECT_EQ(worker.responses.size(), 1u);
            EXPECT_EQ(worker.area.counters.http_states_active, 0u);
        }
    }
}

TEST(Pipeline, PipelinedAndBodiesAndRetransmissions) {
    PipelineHarness worker;
    const std::string body_like_request = "GET /not-a-request HTTP/1.0\r\n\r\n";
    const std::string post =
        "POST /form HTTP/1.1\r\nContent-Length: " + std::to_string(body_like_request.size()) + "\r\n\r\n";
    Conversation(worker)
        .handshake()
        .client("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n" + post)
        .client(body_like_request)
        .client("GET /3 HTTP/1.1\r\n\r\n")
        .client_again("GET /3 HTTP/1.1\r\n\r\n");
    worker.run();
    ASSERT_EQ(worker.requests.size(), 4u);
    EXPECT_EQ(worker.requests[0].uri, "/1");
    EXPECT_EQ(worker.requests[1].uri, "/2");
    EXPECT_EQ(worker.requests[2].uri, "/form");
    EXPECT_EQ(worker.requests[3].uri, "/3");
    EXPECT_EQ(worker.requests[3].event.request, 3u);
}

TEST(Pipeline, AGapGivesUpWhatWasGatheredAndSaysSo) {
    PipelineHarness worker;
    Conversation talk(worker);
    talk.handshake()
        .client("GET /half HTTP/1.1\r\nHost: a")
        .client_lost(100)
        .client("GET /next HTTP/1.1\r\n\r\n");
    worker.run();
    EXPECT_TRUE(worker.requests.empty());  // the gap may fill yet
    talk.server("");                       // acknowledges what was not seen, but may have come first
    worker.run();
    EXPECT_TRUE(worker.requests.empty());
    talk.server("HTTP/1.1 200 OK\r\n\r\n");
    worker.run();
    EXPECT_EQ(worker.area.counters.http_gaps, 1u);
    ASSERT_EQ(worker.requests.size(), 2u);
    EXPECT_EQ(worker.requests[0].uri, "/half");
    EXPECT_NE(worker.requests[0].event.flags & api::request_head_truncated, 0u);
    EXPECT_EQ(worker.requests[1].uri, "/next");
}

TEST(Pipeline, HalfARequestIsToldWhenItsFlowEnds) {
    PipelineHarness worker;
    Conversation(worker).handshake().client("GET /half HTTP/1.1\r\nHost: a");
    worker.run();
    EXPECT_TRUE(worker.requests.empty());
    worker.finish(9 * second_ns);
    ASSERT_EQ(worker.requests.size(), 1u);
    EXPECT_EQ(worker.flows.at(0).requests, 1u);
    EXPECT_EQ(worker.area.counters.http_states_active, 0u);
}

TEST(Pipeline, LongTargetsAreCutAndFlagged) {
    PipelineHarness worker;
    const std::string target(6'000, 'a');
    const std::string endless(20'000, 'b');
    Conversation(worker, 1).handshake().in_segments("GET /" + target + " HTTP/1.1\r\n\r\n", 1400);
    Conversation(worker, 2).handshake().in_segments("GET /" + endless, 1400);
    worker.run();
    worker.finish(9 * second_ns);
    ASSERT_EQ(worker.requests.size(), 2u);
    for (const auto& request : worker.requests) {
        EXPECT_EQ(request.uri.size(), emit::uri_kept_max);
        EXPECT_NE(request.event.flags & api::request_uri_truncated, 0u);
    }
}

// More half requests than buffers: counted, and no flow suffers.
TEST(Pipeline, AssembliesAreBounded) {
    PipelineHarness worker;  // 8 buffers
    for (std::uint16_t port = 1; port <= 20; ++port)
        Conversation(worker, port).handshake().client("GET /x HTTP/1.1\r\nHo");
    worker.run();
    EXPECT_EQ(worker.area.counters.http_states_exhausted, 12u);
    EXPECT_EQ(worker.requests.size(), 12u);  // what was whole of the oldest
    EXPECT_EQ(worker.requests[0].event.ends.client_port, 1);
    worker.finish(9 * second_ns);
    EXPECT_EQ(worker.requests.size(), 20u);
    EXPECT_EQ(worker.flows.size(), 20u);
    EXPECT_EQ(worker.area.counters.http_states_active, 0u);
}

// Found by review: many long targets completed in one burst must not outgrow the batch.
TEST(Pipeline, LongTargetsOfManyFlowsInOneBurst) {
    auto settings = PipelineHarness::replay_settings();
    settings.http.assemblies = 128;
    PipelineHarness worker(settings);
    constexpr std::uint16_t flows = 60;
    const std::string head = "GET /" + std::string(7'000, 'a');
    std::vector<Conversation> conversations;
    for (std::uint16_t port = 1; port <= flows; ++port) {
        conversations.emplace_back(worker, port).handshake().in_segments(head, 1400);
    }
    for (auto& conversation : conversations) conversation.client(" HTTP/1.0\r\n\r\n");
    worker.run();
    EXPECT_EQ(worker.requests.size(), flows);
    // A jumbo segment with a target beyond what is kept.
    Conversation(worker, 999).handshake().client("GET /" + std::string(60'000, 'b') + " HTTP/1.0\r\n\r\n");
    worker.run();
    ASSERT_EQ(worker.requests.size(), flows + 1u);
    EXPECT_NE(worker.requests.back().event.flags & api::request_uri_truncated, 0u);
}

// What a server sends is never gathered as a request, however it begins.
TEST(Pipeline, ServersAreNotClients) {
    PipelineHarness worker;
    Conversation(worker)
        .handshake()
        .client("GET /1 HTTP/1.1\r\n\r\n")
        .server("HTTP/1.1 200 OK\r\n\r\n")
        .server("THE quick brown fox")
        .client("GET /2 HTTP/1.1\r\n\r\n")
        .server("HTTP/1.1 404 Not Found\r\n\r\n");
    for (std::uint16_t port = 1; port <= 20; ++port) {
        Conversation(worker, port).handshake().client("PING").server("PONG").client("PING").server("PONG");
    }
    worker.run();
    ASSERT_EQ(worker.requests.size(), 2u);
    EXPECT_EQ(worker.requests[1].uri, "/2");
    ASSERT_EQ(worker.responses.size(), 2u);
    EXPECT_EQ(worker.responses[1].event.status, 404);
    worker.finish(9 * second_ns);
    EXPECT_EQ(worker.area.counters.http_states_active, 0u);
}

TEST(Pipeline, BytesThatAreMissingFromABodyDoNotHideTheNextRequest) {
    PipelineHarness worker;
    Conversation(worker)
        .handshake()
        .client("POST /p HTTP/1.1\r\nContent-Length: 3000\r\n\r\n")
        .client(std::string(1000, 'x'))
        .client_lost(1000)
        .client(std::string(1000, 'x'))
        .client("GET /b.cgi HTTP/1.1\r\n\r\n");
    worker.run();
    ASSERT_EQ(worker.requests.size(), 2u);
    EXPECT_EQ(worker.requests[1].uri, "/b.cgi");
}

TEST(Pipeline, InterimResponsesDoNotAnswer) {
    PipelineHarness worker;
    Conversation(worker)
        .handshake()
        .client("GET /1 HTTP/1.1\r\n\r\n")
        .server("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")
        .client("GET /2 HTTP/1.1\r\n\r\n")
        .server("HTTP/1.1 404 Not Found\r\n\r\n");
    worker.run();
    ASSERT_EQ(worker.responses.size(), 2u);
    EXPECT_EQ(worker.responses[0].event.status, 200);
    EXPECT_EQ(worker.responses[1].event.request, 1u);
}

TEST(Pipeline, EndlessTextIsNotARequest) {
    PipelineHarness worker;
    Conversation(worker).handshake().in_segments("DATA " + std::string(20'000, 'j'), 1400);
    worker.run();
    worker.finish(9 * second_ns);
    EXPECT_TRUE(worker.requests.empty());
}

// One stray segment far away, and a connection that was first met in its middle, hide nothing.
TEST(Pipeline, StrayNumbersHideNothing) {
    const auto segment = [](std::uint32_t sequence, std::uint8_t flags, std::string_view text) {
        return PacketBuilder()
            .ethernet()
            .ipv4("10.0.0.1", "10.0.0.2")
            .tcp(1, 2, {.flags = flags, .sequence = sequence})
            .payload(text);
    };
    for (const std::uint32_t stray : {0x50000000u, 0x80000010u, 0xb0000000u}) {
        PipelineHarness worker;
        worker.feed(segment(10, parse::tcp_ack, "x"), second_ns);
        worker.feed(segment(stray, parse::tcp_ack, "y"), second_ns);
        worker.feed(segment(11, parse::tcp_ack, "GET /b.cgi HTTP/1.0\r\n\r\n"), second_ns);
        worker.run();
        ASSERT_EQ(worker.requests.size(), 1u) << stray;
    }
    PipelineHarness worker;
    worker.feed(segment(90'000, parse::tcp_ack, "x"), second_ns);
    worker.feed(segment(500, parse::tcp_syn, ""), second_ns);
    worker.feed(segment(501, parse::tcp_ack, "GET /b.cgi HTTP/1.0\r\n\r\n"), second_ns);
    worker.run();
    EXPECT_EQ(worker.requests.size(), 1u);
}

TEST(Pipeline, AuditBalancesAtEveryPublication) {
    PipelineHarness worker;
    Conversation(worker).handshake().client(probe);
    worker.feed(PacketBuilder().ethernet().ethertype(0x0806).payload("arp"), second_ns);
    worker.feed(PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").protocol(6).payload("short"),
                second_ns);
    worker.run(2);
    const api::PortAudit& port = worker.area.ports[0];
    std::uint64_t outcomes = 0;
    for (const auto count : port.outcomes) outcomes += count;
    EXPECT_EQ(port.received, 6u);
    EXPECT_EQ(port.in_flows, 4u);
    EXPECT_EQ(outcomes, 2u);
    EXPECT_EQ(port.outcomes[static_cast<std::size_t>(api::Outcome::non_ip)], 1u);
}

// A flow that ends and begins anew within one burst: its requests belong to the right flow, and the first
// record knows of them.
TEST(Pipeline, FlowThatEndsWithinABurst) {
    PipelineHarness worker;
    const auto segment = [](std::uint32_t sequence, std::string_view text) {
        return PacketBuilder()
            .ethernet()
            .ipv4("10.0.0.1", "10.0.0.2")
            .tcp(1, 2, {.sequence = sequence})
            .payload(text);
    };
    worker.feed(segment(10, "GET /old HTTP/1.0\r\n\r\n"), second_ns);
    worker.feed(segment(10, "GET /new HTTP/1.0\r\n\r\n"), 1000 * second_ns);
    worker.run();
    worker.finish(2000 * second_ns);
    ASSERT_EQ(worker.flows.size(), 2u);
    ASSERT_EQ(worker.requests.size(), 2u);
    EXPECT_EQ(worker.flows[0].requests, 1u);
    EXPECT_EQ(worker.requests[0].event.ends.flow_id, worker.flows[0].flow_id);
    EXPECT_EQ(worker.requests[1].event.ends.flow_id, worker.flows[1].flow_id);
    EXPECT_EQ(worker.requests[1].uri, "/new");
}

// Two workers: frames that reach the wrong one arrive at their owner, and the sum balances.
TEST(Pipeline, SteeringHandsOverAndBalances) {
    steer::Mesh mesh(2, 1 << 20);
    auto settings = PipelineHarness::replay_settings();
    settings.workers = 2;
    PipelineHarness first(settings, &mesh);
    settings.worker = 1;
    PipelineHarness second(settings, &mesh);
    for (std::uint16_t port = 1; port <= 40; ++port) {
        const std::string client = "10.0.0." + std::to_string(port);
        first.feed(PacketBuilder().ethernet().ipv4(client.c_str(), "10.0.1.2").udp(port, 53), second_ns);
        first.feed(PacketBuilder().ethernet().ipv4("10.0.1.2", client.c_str()).udp(53, port), second_ns);
    }
    first.run();
    steer::MeshInbox inbox(mesh, 1);
    std::array<rx::Frame, burst_max> frames;
    std::size_t handed = 0;
    while (const std::size_t count = inbox.receive(frames)) {
        second.pipeline.process({frames.data(), count}, Pipeline::Origin::mesh);
        inbox.release();
        handed += count;
    }
    EXPECT_EQ(first.area.ports[0].received, 80u);
    EXPECT_EQ(first.area.ports[0].handed_out, handed);
    EXPECT_EQ(second.area.ports[0].taken_in, handed);
    EXPECT_EQ(first.area.ports[0].in_flows + second.area.ports[0].in_flows, 80u);
    first.finish(2 * second_ns);
    second.finish(2 * second_ns);
    EXPECT_EQ(first.flows.size() + second.flows.size(), 40u);
    EXPECT_GT(first.flows.size(), 5u);
    EXPECT_GT(second.flows.size(), 5u);
    for (const auto& flow : second.flows)
        EXPECT_EQ(flow.directions[0].packets + flow.directions[1].packets, 2u);
}

}  // namespace
}  // namespace picket
