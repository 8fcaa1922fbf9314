// A span port's copies through the whole pipeline; and what of a link is seen one way, or swapped.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "tests/support/fragment_harness.h"
#include "tests/support/pipeline_harness.h"

namespace picket {
namespace {

using testing::OwnedFrame;
using testing::PacketBuilder;
using testing::PipelineHarness;
using testing::second_ns;

constexpr std::uint64_t us = 1000;
constexpr std::string_view request = "GET /cgi-bin/probe.cgi HTTP/1.1\r\nHost: www.example.com\r\n\r\n";
constexpr std::string_view answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone";

PipelineSettings settings_with(Duplicates duplicates) {
    PipelineSettings settings = PipelineHarness::replay_settings();
    settings.duplicates = duplicates;
    settings.ports = 2;
    return settings;
}

std::uint64_t outcome(const PipelineHarness& worker, api::Outcome name) {
    return worker.area.ports[0].outcomes[static_cast<std::size_t>(name)];
}

void expect_balance(const PipelineHarness& worker) {
    for (const api::PortAudit& port : worker.area.ports) {
        const std::uint64_t outcomes = std::accumulate(port.outcomes.begin(), port.outcomes.end(), 0ul);
        EXPECT_EQ(port.received, port.in_flows + outcomes + port.held);
    }
}

struct Way {
    bool from_client;
    std::uint8_t flags;
    std::uint32_t sequence;
    std::uint32_t acknowledgment;
    std::string_view payload;
};

const auto request_bytes = static_cast<std::uint32_t>(request.size());
const auto answer_bytes = static_cast<std::uint32_t>(answer.size());
const std::vector<Way> connection{
    {true, parse::tcp_syn, 99, 0, ""},
    {false, parse::tcp_syn | parse::tcp_ack, 499, 100, ""},
    {true, parse::tcp_ack, 100, 500, ""},
    {true, parse::tcp_ack | parse::tcp_psh, 100, 500, request},
    {false, parse::tcp_ack, 500, 100 + request_bytes, answer},
    {true, parse::tcp_ack, 100 + request_bytes, 500 + answer_bytes, ""},
    {true, parse::tcp_ack | parse::tcp_fin, 100 + request_bytes, 500 + answer_bytes, ""},
    {false, parse::tcp_ack | parse::tcp_fin, 500 + answer_bytes, 101 + request_bytes, ""},
    {true, parse::tcp_ack, 101 + request_bytes, 501 + answer_bytes, ""}};

// Packet i of the connection, as a host sends it or, a copy, behind a router and in a VLAN.
PacketBuilder packet(std::size_t i, bool copy) {
    const Way& way = connection[i];
    auto builder = PacketBuilder().ethernet();
    if (copy) builder.vlan(12);
    const testing::Ipv4Fields ip{.ttl = static_cast<std::uint8_t>(copy ? 63 : 64),
                                 .id = static_cast<std::uint16_t>(300 + i)};
    const testing::TcpFields tcp{way.flags, way.sequence, way.acknowledgment};
    if (way.from_client)
        return builder.ipv4("10.0.0.1", "10.0.0.2", ip).tcp(4000, 80, tcp).payload(way.payload);
    return builder.ipv4("10.0.0.2", "10.0.0.1", ip).tcp(80, 4000, tcp).payload(way.payload);
}

// Every packet, and after `delay_ns` its copy.
void feed_twice(PipelineHarness& worker, std::uint64_t delay_ns) {
    std::vector<std::tuple<std::uint64_t, std::size_t, bool>> all;
    for (std::size_t i = 0; i < connection.size(); ++i) {
        const std::uint64_t time_ns = second_ns + i * 1000 * us;
        all.emplace_back(time_ns, i, false);
        all.emplace_back(time_ns + delay_ns, i, true);
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const auto& a, const auto& b) { return std::get<0>(a) < std::get<0>(b); });
    for (const auto& [time_ns, i, copy] : all) worker.feed(packet(i, copy), time_ns);
}

struct Result {
    api::FlowRecord flow;
    std::size_t requests;
    std::size_t responses;
};

Result result_of(PipelineHarness& worker, std::size_t burst) {
    worker.run(burst);
    worker.finish(9 * second_ns);
    expect_balance(worker);
    EXPECT_EQ(worker.flows.size(), 1u);
    return {worker.flows.at(0), worker.requests.size(), worker.responses.size()};
}

// Copies right behind their packets, and so late that others come in between.
TEST(PipelineDuplicates, CountedOnesTellNothingElse) {
    for (const std::uint64_t delay_ns : {1 * us, 900 * us, 5'000 * us}) {
        for (const std::size_t burst : {std::size_t{1}, std::size_t{5}, burst_max}) {
            PipelineHarness once(settings_with(Duplicates::count));
            for (std::size_t i = 0; i < connection.size(); ++i)
                once.feed(packet(i, false), second_ns + i * 1000 * us);
            const Result wanted = result_of(once, burst);
            EXPECT_EQ(wanted.flow.duplicates, 0u);
            EXPECT_EQ(once.area.ports[0].duplicates, 0u);

            PipelineHarness worker(settings_with(Duplicates::count));
            feed_twice(worker, delay_ns);
            const Result twice = result_of(worker, burst);
            EXPECT_EQ(twice.requests, 1u);
            EXPECT_EQ(twice.responses, 1u);
            EXPECT_EQ(twice.flow.duplicates, connection.size());
            EXPECT_NE(twice.flow.flags & api::flow_duplicates, 0u);
            EXPECT_EQ(worker.area.ports[0].duplicates, connection.size());
            EXPECT_EQ(outcome(worker, api::Outcome::duplicate), 0u);
            EXPECT_STREQ(twice.flow.history.data(), wanted.flow.history.data());
            EXPECT_EQ(twice.flow.state, api::ConnState::sf);
            EXPECT_EQ(twice.flow.handshake_rtt_ns, wanted.flow.handshake_rtt_ns);
            for (std::size_t way = 0; way < 2; ++way) {
                EXPECT_EQ(twice.flow.directions[way].packets, 2 * wanted.flow.directions[way].packets);
                EXPECT_EQ(twice.flow.directions[way].bytes, 2 * wanted.flow.directions[way].bytes);
                EXPECT_EQ(twice.flow.directions[way].retransmitted, 0u);
                EXPECT_EQ(twice.flow.directions[way].out_of_order, 0u);
                EXPECT_EQ(twice.flow.directions[way].lost_bytes, 0u);
                EXPECT_EQ(twice.flow.directions[way].ttl_min, 63);
            }
        }
    }
}

TEST(PipelineDuplicates, DroppedOnesAreAnOutcomeAndNowhereElse) {
    PipelineHarness once(settings_with(Duplicates::drop));
    for (std::size_t i = 0; i < connection.size(); ++i)
        once.feed(packet(i, false), second_ns + i * 1000 * us);
    Result wanted = result_of(once, burst_max);
    PipelineHarness worker(settings_with(Duplicates::drop));
    feed_twice(worker, 2'500 * us);
    Result twice = result_of(worker, 7);
    EXPECT_EQ(outcome(worker, api::Outcome::duplicate), connection.size());
    EXPECT_EQ(worker.area.ports[0].duplicates, connection.size());
    EXPECT_EQ(twice.requests, 1u);
    wanted.flow.flow_id = twice.flow.flow_id;  // the position of the first packet, the same here
    wanted.flow.header = twice.flow.header;
    EXPECT_EQ(std::memcmp(&wanted.flow, &twice.flow, sizeof wanted.flow), 0);
}

TEST(PipelineDuplicates, IgnoredOnesArePackets) {
    PipelineHarness worker(settings_with(Duplicates::ignore));
    feed_twice(worker, 1 * us);
    const Result twice = result_of(worker, burst_max);
    EXPECT_EQ(twice.flow.duplicates, 0u);
    EXPECT_EQ(worker.area.ports[0].duplicates, 0u);
    EXPECT_EQ(twice.flow.directions[0].packets, 12u);
    EXPECT_EQ(twice.flow.directions[0].retransmitted, 1u);
}

// A segment that its sender sends again has an identification of its own.
TEST(PipelineDuplicates, ARetransmissionIsNone) {
    PipelineHarness worker(settings_with(Duplicates::count));
    for (std::uint16_t id = 1; id <= 3; ++id) {
        worker.feed(PacketBuilder()
                        .ethernet()
                        .ipv4("10.0.0.1", "10.0.0.2", {.id = id})
                        .tcp(4000, 80, {parse::tcp_ack, 100, 1})
                        .payload(request),
                    second_ns + id * us);
    }
    const Result result = result_of(worker, burst_max);
    EXPECT_EQ(result.flow.duplicates, 0u);
    EXPECT_EQ(result.flow.directions[0].retransmitted, 2u);
}

// A SYN of an earlier connection of the same ports, late: it opens none.
TEST(PipelineDuplicates, ACopyOpensNoConnection) {
    PipelineHarness worker(settings_with(Duplicates::count));
    const auto syn = [](std::uint16_t id, std::uint32_t sequence) {
        return PacketBuilder()
            .ethernet()
            .ipv4("10.0.0.1", "10.0.0.2", {.id = id})
            .tcp(4000, 80, {parse::tcp_syn, sequence, 0});
    };
    worker.feed(syn(1, 100), second_ns);
    worker.feed(syn(2, 900), second_ns + 1000 * us);
    worker.feed(syn(1, 100), second_ns + 2000 * us);
    worker.run();
    worker.finish(9 * second_ns);
    expect_balance(worker);
    ASSERT_EQ(worker.flows.size(), 2u);
    EXPECT_EQ(worker.flows[0].directions[0].packets, 1u);
    EXPECT_EQ(worker.flows[1].directions[0].packets, 2u);
    EXPECT_EQ(worker.flows[1].duplicates, 1u);
}

// Fragments in any order, each twice: the datagram is whole once, and its packets are in its flow.
TEST(PipelineDuplicates, OfFragmentsBringNoByteTwice) {
    const std::string datagram = testing::tcp_datagram(request, {parse::tcp_ack, 100, 1});
    const auto cuts = testing::cuts_of(datagram.size(), 24);
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < cuts.size(); ++i) order.insert(order.end(), 2, i);
    std::mt19937 random(3);
    for (int round = 0; round < 300; ++round) {
        std::shuffle(order.begin(), order.end(), random);
        for (const Duplicates duplicates : {Duplicates::count, Duplicates::drop}) {
            PipelineHarness worker(settings_with(duplicates));
            worker.feed(PacketBuilder()
                            .ethernet()
                            .ipv4("10.0.0.1", "10.0.0.2", {.id = 3})
                            .tcp(5000, 80, {parse::tcp_syn, 99, 0}),
                        second_ns);
            for (const std::size_t i : order) {
                worker.feed(testing::fragment_of(datagram, cuts[i], {.protocol = parse::protocol_tcp}),
                            second_ns + 10);
            }
            const Result result = result_of(worker, 1 + random() % 5);
            EXPECT_EQ(result.requests, 1u);
            const bool dropped = duplicates == Duplicates::drop;
            EXPECT_EQ(result.flow.directions[0].packets, 1 + (dropped ? 1 : 2) * cuts.size());
            EXPECT_EQ(result.flow.duplicates, dropped ? 0 : cuts.size());
            EXPECT_EQ(outcome(worker, api::Outcome::duplicate), dropped ? cuts.size() : 0);
            EXPECT_EQ(result.flow.directions[0].retransmitted, 0u);
            EXPECT_EQ(result.flow.flags & api::flow_fragments_overlap, 0u);
            EXPECT_EQ(worker.area.counters.fragment_datagrams, 1u);
        }
    }
}

// An ICMP error and its copy: the flow that it quotes is marked, the error is a packet of one flow.
TEST(PipelineDuplicates, OfAnIcmpError) {
    for (const Duplicates duplicates : {Duplicates::count, Duplicates::drop}) {
        PipelineHarness worker(settings_with(duplicates));
        const auto probe = PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2", {.id = 9}).udp(4000, 53);
        const auto bytes = probe.bytes();
        const std::string quoted(bytes.begin() + 14, bytes.end());
        worker.feed(probe, second_ns);
        for (int i = 0; i < 2; ++i) {
            auto error = PacketBuilder().ethernet().ipv4("10.0.0.2", "10.0.0.1", {.id = 70}).icmp(3, 3);
            worker.feed(error.payload(quoted), second_ns + us);
        }
        worker.run();
        worker.finish(9 * second_ns);
        expect_balance(worker);
        ASSERT_EQ(worker.flows.size(), 2u);
        std::ranges::sort(worker.flows, {}, [](const auto& flow) { return flow.start_ns; });
        EXPECT_NE(worker.flows[0].flags & api::flow_icmp_quoted, 0u);
        EXPECT_EQ(worker.flows[0].duplicates, 0u);
        EXPECT_EQ(worker.area.ports[0].duplicates, 1u);
        EXPECT_EQ(worker.flows[1].directions[0].packets, duplicates == Duplicates::count ? 2u : 1u);
    }
}

// --- links ----------------------------------------------------------------------------------------------

// A datagram there and back, by port and VLAN.
void feed_both_ways(PipelineHarness& worker, std::uint16_t there, std::uint16_t back,
                    std::uint16_t vlan_back) {
    const auto feed = [&](bool answers, std::uint16_t port, std::uint16_t vlan) {
        auto builder = PacketBuilder().ethernet();
        if (vlan != 0) builder.vlan(vlan);
        const char* client = "10.0.0.1";
        const char* server = "10.0.0.2";
        builder.ipv4(answers ? server : client, answers ? client : server, {.id = 5});
        builder.udp(answers ? 53 : 4000, answers ? 4000 : 53).payload("name");
        OwnedFrame frame(builder.bytes(), second_ns + (answers ? us : 0));
        frame.frame.port = port;
        worker.feed(std::move(frame));
    };
    feed(false, there, 10);
    feed(true, back, vlan_back);
}

TEST(PipelineLinks, BothFibresOfATapAreOneFlow) {
    PipelineSettings settings = settings_with(Duplicates::count);
    settings.flow.paired_ports = 3;
    for (const std::uint16_t vlan_back : {10, 20, 0}) {
        PipelineHarness worker(settings);
        feed_both_ways(worker, 0, 1, vlan_back);
        worker.run();
        worker.finish(9 * second_ns);
        ASSERT_EQ(worker.flows.size(), 1u);
        EXPECT_EQ(worker.flows[0].directions[1].packets, 1u);
        EXPECT_EQ((worker.flows[0].flags & api::flow_vlan_swapped) != 0, vlan_back != 10);
        EXPECT_EQ(worker.flows[0].flags & api::flow_port_swapped, 0u);
        EXPECT_EQ(worker.area.ports[0].recorded, 2u);
        EXPECT_EQ(worker.area.ports[0].recorded_one_way, 0u);
        EXPECT_EQ(worker.area.ports[0].recorded_swapped, 0u);
    }
}

TEST(PipelineLinks, BothDirectionsOnOneFibreAreSwapped) {
    PipelineSettings settings = settings_with(Duplicates::count);
    for (const std::uint32_t paired : {0u, 3u}) {
        settings.flow.paired_ports = paired;
        PipelineHarness worker(settings);
        feed_both_ways(worker, 1, 1, 10);
        worker.run();
        worker.finish(9 * second_ns);
        ASSERT_EQ(worker.flows.size(), 1u);
        EXPECT_EQ((worker.flows[0].flags & api::flow_port_swapped) != 0, paired != 0);
        EXPECT_EQ(worker.area.ports[1].recorded, 2u);
        EXPECT_EQ(worker.area.ports[1].recorded_swapped, paired != 0 ? 2u : 0u);
    }
}

// Over all parts of a flow: the first has only one direction, the second both.
TEST(PipelineLinks, OneWayIsWhatHasNoOtherDirectionYet) {
    PipelineSettings settings = settings_with(Duplicates::count);
    settings.flow.active_timeout_ns = 2 * second_ns;
    PipelineHarness worker(settings);
    const auto datagram = [](bool answers, std::uint16_t id) {
        auto builder = PacketBuilder().ethernet();
        if (answers) return builder.ipv4("10.0.0.2", "10.0.0.1", {.id = id}).udp(53, 4000);
        return builder.ipv4("10.0.0.1", "10.0.0.2", {.id = id}).udp(4000, 53);
    };
    for (std::uint16_t i = 0; i < 3; ++i) worker.feed(datagram(false, i), (1 + i) * second_ns);
    worker.feed(datagram(false, 4), 5 * second_ns);
    worker.feed(datagram(true, 5), 6 * second_ns);
    worker.run();
    worker.finish(60 * second_ns);
    ASSERT_EQ(worker.flows.size(), 2u);
    EXPECT_EQ(worker.area.ports[0].recorded, 5u);
    EXPECT_EQ(worker.area.ports[0].recorded_one_way, 3u);
}

}  // namespace
}  // namespace picket
