// Fragments through the whole pipeline: flows, requests, and the audit at every published moment.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "tests/support/fragment_harness.h"
#include "tests/support/pipeline_harness.h"

namespace picket {
namespace {

using testing::Cut;
using testing::cuts_of;
using testing::fragment_of;
using testing::letters;
using testing::PacketBuilder;
using testing::PipelineHarness;
using testing::second_ns;
using testing::tcp_datagram;
using testing::udp_datagram;

constexpr std::string_view request =
    "GET /cgi-bin/probe.cgi?0123456789 HTTP/1.1\r\nHost: www.example.com\r\n\r\n";

std::uint64_t packets_of(const api::FlowRecord& flow) {
    return flow.directions[0].packets + flow.directions[1].packets;
}

void expect_balance(const PipelineHarness& worker, std::uint64_t held) {
    const api::PortAudit& port = worker.area.ports[0];
    const std::uint64_t outcomes = std::accumulate(port.outcomes.begin(), port.outcomes.end(), 0ul);
    EXPECT_EQ(port.received, port.in_flows + outcomes + port.held);
    EXPECT_EQ(port.held, held);
}

PacketBuilder segment(std::string_view text, testing::TcpFields fields) {
    return PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").tcp(5000, 80, fields).payload(text);
}

// A request in a segment of five fragments, in many orders, with an ordinary segment before and after.
TEST(PipelineFragments, ARequestInAFragmentedSegment) {
    const std::string datagram = tcp_datagram(request, {parse::tcp_ack, 100, 1});
    const auto cuts = cuts_of(datagram.size(), 24);
    std::vector<std::size_t> order(cuts.size());
    std::iota(order.begin(), order.end(), 0u);
    do {
        for (const std::size_t burst : {std::size_t{1}, std::size_t{3}, burst_max}) {
            PipelineHarness worker;
            worker.feed(segment({}, {parse::tcp_syn, 99, 0}), second_ns);
            for (const std::size_t i : order) {
                worker.feed(fragment_of(datagram, cuts[i], {.protocol = parse::protocol_tcp}),
                            second_ns + 10);
            }
            const auto next = static_cast<std::uint32_t>(100 + request.size());
            worker.feed(segment("GET /2 HTTP/1.1\r\n\r\n", {parse::tcp_ack, next, 1}), second_ns + 20);
            worker.run(burst);
            expect_balance(worker, 0);
            worker.finish(9 * second_ns);
            ASSERT_EQ(worker.requests.size(), 2u);
            EXPECT_EQ(worker.requests[0].uri, "/cgi-bin/probe.cgi?0123456789");
            EXPECT_EQ(worker.requests[0].event.flags, 0u);
            ASSERT_EQ(worker.flows.size(), 1u);
            const api::FlowRecord& flow = worker.flows[0];
            EXPECT_EQ(packets_of(flow), cuts.size() + 2);
            EXPECT_NE(flow.flags & api::flow_fragments, 0u);
            // The segment was told once, whole.
            const api::FlowDirection& client = flow.directions[flow.source_port == 5000 ? 0 : 1];
            EXPECT_EQ(client.retransmitted, 0u);
            EXPECT_EQ(client.out_of_order, 0u);
            EXPECT_EQ(worker.area.counters.fragment_datagrams, 1u);
        }
    } while (std::next_permutation(order.begin(), order.end()));
}

TEST(PipelineFragments, AreOneFlowAndHeldOnesAreInTheAudit) {
    for (const bool ipv6 : {false, true}) {
        const std::string datagram = udp_datagram(letters(56));
        const auto cuts = cuts_of(datagram.size(), 16);
        PipelineHarness worker;
        std::uint64_t time_ns = second_ns;
        for (const std::size_t i : {3, 1, 2}) {
            worker.feed(fragment_of(datagram, cuts[i], {.ipv6 = ipv6}), ++time_ns);
        }
        worker.run(2);
        expect_balance(worker, 3);
        worker.feed(fragment_of(datagram, cuts[0], {.ipv6 = ipv6}), second_ns + 9);
        worker.run();
        expect_balance(worker, 0);
        worker.finish(2 * second_ns);
        ASSERT_EQ(worker.flows.size(), 1u);
        EXPECT_EQ(packets_of(worker.flows[0]), 4u);
        EXPECT_EQ(worker.flows[0].destination_port, 53);
        EXPECT_EQ(worker.flows[0].part_first_ns, second_ns + 1);
        EXPECT_EQ(worker.flows[0].directions[0].payload_first_length, 16);
        EXPECT_EQ(worker.flows[0].directions[0].payload_first[0], static_cast<std::uint8_t>(letters(1)[0]));
    }
}

// More held fragments than a burst has packets, and all of them go on with the first.
TEST(PipelineFragments, ManyHeldOnes) {
    const std::string datagram = udp_datagram(letters(8 * 300));
    auto cuts = cuts_of(datagram.size(), 8);
    for (const bool ipv6 : {false, true}) {
        PipelineHarness worker;
        for (auto cut = cuts.rbegin(); cut != cuts.rend(); ++cut) {
            worker.feed(fragment_of(datagram, *cut, {.ipv6 = ipv6}), second_ns);
        }
        worker.run();
        expect_balance(worker, 0);
        worker.finish(2 * second_ns);
        ASSERT_EQ(worker.flows.size(), 1u);
        EXPECT_EQ(packets_of(worker.flows[0]), cuts.size());
    }
}

TEST(PipelineFragments, LostOnesEndUpWhereTheyBelong) {
    const std::string datagram = udp_datagram(letters(56));
    const auto cuts = cuts_of(datagram.size(), 16);
    PipelineHarness worker;
    worker.feed(fragment_of(datagram, cuts[1], {.id = 1}), second_ns);      // its first never comes
    worker.feed(fragment_of(datagram, cuts[0], {.id = 2}), 2 * second_ns);  // nothing else comes
    worker.run();
    expect_balance(worker, 1);
    // Flows that a fragment may still belong to do not end before it.
    worker.pipeline.housekeep(20 * second_ns);
    EXPECT_TRUE(worker.flows.empty());
    // Nor do other pairs' packets give up for it, only its own and the clock.
    worker.feed(PacketBuilder().ethernet().ipv4("10.0.0.8", "10.0.0.9").udp(1, 2), 40 * second_ns);
    worker.run();
    expect_balance(worker, 1);
    worker.pipeline.housekeep(40 * second_ns);
    worker.pipeline.publish();
    expect_balance(worker, 0);
    worker.finish(80 * second_ns);
    ASSERT_EQ(worker.flows.size(), 3u);
    std::sort(worker.flows.begin(), worker.flows.end(),
              [](const auto& one, const auto& other) { return one.start_ns < other.start_ns; });
    EXPECT_EQ(worker.flows[0].destination_port, 0);
    EXPECT_EQ(worker.flows[1].destination_port, 53);
    EXPECT_EQ(worker.flows[1].directions[0].payload_first_length, 8);  // what there is of it
    EXPECT_EQ(worker.area.counters.fragments_timed_out, 2u);
}

// A request whose segment never becomes whole is found when the wait is over.
TEST(PipelineFragments, ARequestInWhatThereIsOfASegment) {
    const std::string datagram = tcp_datagram(std::string(request) + letters(200), {parse::tcp_ack, 100, 1});
    const auto cuts = cuts_of(datagram.size(), 104);
    PipelineHarness worker;
    worker.feed(segment({}, {parse::tcp_syn, 99, 0}), second_ns);
    worker.feed(fragment_of(datagram, cuts[0], {.protocol = parse::protocol_tcp}), second_ns);
    worker.run();
    EXPECT_TRUE(worker.requests.empty());
    worker.finish(9 * second_ns);
    ASSERT_EQ(worker.requests.size(), 1u);
    EXPECT_EQ(worker.requests[0].host, "www.example.com");
    EXPECT_EQ(worker.flows.size(), 1u);
}

TEST(PipelineFragments, AnOverlapIsAFlagOfTheFlow) {
    const std::string one = udp_datagram(std::string(40, 'A'));
    const std::string other = udp_datagram(std::string(40, 'B'));
    PipelineHarness worker;
    worker.feed(fragment_of(one, {0, 24, true}), second_ns);
    worker.feed(fragment_of(other, {16, 32, false}), second_ns);
    worker.run();
    worker.finish(2 * second_ns);
    ASSERT_EQ(worker.flows.size(), 1u);
    EXPECT_NE(worker.flows[0].flags & api::flow_fragments_overlap, 0u);
    EXPECT_EQ(worker.area.counters.fragments_contradicting, 1u);
}

}  // namespace
}  // namespace picket
