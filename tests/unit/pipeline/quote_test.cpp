// ICMP errors mark the flow that they quote: in the order of the packets, whatever the bursts, and whoever of
// two workers owns what.
#include <gtest/gtest.h>

#include "dataplane/steer/owner.h"
#include "tests/support/pipeline_harness.h"

namespace picket::testing {
namespace {

constexpr const char* client = "10.0.0.1";
constexpr const char* server = "192.0.2.9";
constexpr const char* router = "192.0.2.254";

PacketBuilder syn(std::uint16_t port) {
    return PacketBuilder().ethernet().ipv4(client, server).tcp(port, 80, {.flags = parse::tcp_syn});
}

PacketBuilder error_about(std::uint16_t port, std::uint8_t type = 3, std::uint8_t code = 1) {
    const auto quote = PacketBuilder().ipv4(client, server).tcp(port, 80, {.flags = parse::tcp_syn}).bytes();
    return PacketBuilder()
        .ethernet()
        .ipv4(router, client)
        .icmp(type, code)
        .payload({reinterpret_cast<const char*>(quote.data()), 28});
}

// The TCP flow of a source port among records.
const api::FlowRecord* flow_of(const std::vector<api::FlowRecord>& flows, std::uint16_t port) {
    for (const auto& record : flows) {
        if (record.protocol == parse::protocol_tcp && record.source_port == port) return &record;
    }
    return nullptr;
}

TEST(Quote, MarksTheFlowAndIsNoPacketOfIt) {
    for (const std::size_t burst : {1u, 2u, 64u}) {
        PipelineHarness harness;
        harness.feed(error_about(4001), second_ns);  // before the flow: nothing to mark
        harness.feed(syn(4001), second_ns + 1);
        harness.feed(syn(4002), second_ns + 2);
        harness.feed(error_about(4002), second_ns + 3);
        harness.feed(syn(4003), second_ns + 4);
        harness.feed(error_about(4003, 3, 4), second_ns + 5);  // advice, which the next one outdoes
        harness.feed(error_about(4003, 11, 0), second_ns + 6);
        harness.feed(error_about(4003, 3, 13), second_ns + 7);
        harness.run(burst);
        harness.finish(200 * second_ns);
        EXPECT_EQ(harness.area.ports[0].received, 8u);
        EXPECT_EQ(harness.area.ports[0].in_flows, 8u);
        ASSERT_NE(flow_of(harness.flows, 4001), nullptr);
        EXPECT_EQ(flow_of(harness.flows, 4001)->flags & api::flow_icmp_quoted, 0u);
        const auto* marked = flow_of(harness.flows, 4002);
        EXPECT_NE(marked->flags & api::flow_icmp_quoted, 0u);
        EXPECT_EQ(marked->icmp_error, 3 << 8 | 1);
        EXPECT_EQ(marked->directions[0].packets + marked->directions[1].packets, 1u);
        EXPECT_EQ(flow_of(harness.flows, 4003)->icmp_error, 11 << 8);
    }
}

TEST(Quote, DoesNotReachAFlowThatHasTimedOut) {
    PipelineHarness harness;
    harness.feed(syn(4001), second_ns);
    harness.feed(error_about(4001), 90 * second_ns);  // a SYN is waited out in 75 s
    harness.run();
    harness.finish(200 * second_ns);
    EXPECT_EQ(flow_of(harness.flows, 4001)->flags & api::flow_icmp_quoted, 0u);
}

TEST(Quote, ABurstOfErrorsFits) {
    PipelineHarness harness;
    harness.feed(syn(4001), second_ns);
    for (std::size_t i = 0; i < 2 * burst_max; ++i) harness.feed(error_about(4001), second_ns + i);
    harness.run();
    harness.finish(200 * second_ns);
    EXPECT_EQ(harness.area.ports[0].in_flows, 1 + 2 * burst_max);
    EXPECT_NE(flow_of(harness.flows, 4001)->flags & api::flow_icmp_quoted, 0u);
}

PipelineSettings of_worker(std::uint32_t worker) {
    PipelineSettings settings = PipelineHarness::replay_settings();
    settings.worker = worker;
    settings.workers = 2;
    return settings;
}

// Worker 0 receives everything; the flows, the error's own and the quoted one, are where they are.
TEST(Quote, GoesToTheOwnerOfTheQuotedFlow) {
    steer::Mesh mesh(2, 1 << 20);
    std::vector<std::unique_ptr<PipelineHarness>> workers;
    for (std::uint32_t i = 0; i < 2; ++i)
        workers.push_back(std::make_unique<PipelineHarness>(of_worker(i), &mesh));
    constexpr std::uint16_t ports = 32;
    for (std::uint16_t i = 0; i < ports; ++i) {
        workers[0]->feed(syn(static_cast<std::uint16_t>(4000 + i)), second_ns + i);
        workers[0]->feed(error_about(static_cast<std::uint16_t>(4000 + i)), second_ns + i + 1);
    }
    workers[0]->run(7);
    steer::MeshInbox inbox(mesh, 1);
    std::array<rx::Frame, burst_max> frames;
    while (const std::size_t count = inbox.receive(frames)) {
        workers[1]->pipeline.process({frames.data(), count}, Pipeline::Origin::mesh);
        inbox.release();
    }
    std::size_t marked = 0;
    std::uint64_t in_flows = 0;
    for (auto& worker : workers) {
        worker->finish(200 * second_ns);
        in_flows += worker->area.ports[0].in_flows;
        for (const auto& record : worker->flows)
            marked += (record.flags & api::flow_icmp_quoted) != 0 ? 1 : 0;
    }
    EXPECT_EQ(marked, ports);
    EXPECT_EQ(in_flows, 2u * ports);
    EXPECT_EQ(workers[0]->area.ports[0].received, 2u * ports);
    EXPECT_EQ(workers[0]->area.ports[0].handed_out, workers[1]->area.ports[0].taken_in);
}

TEST(Tunnel, EndsAreThoseOnTheSidesOfSourceAndDestination) {
    PipelineHarness harness;
    const auto inner = PacketBuilder()
                           .ethernet()
                           .ipv4("10.9.0.2", "10.9.0.1")
                           .tcp(4000, 80, {.flags = parse::tcp_syn | parse::tcp_ack})
                           .bytes();
    // The SYN-ACK comes first: its receiver is the initiator.
    harness.feed(PacketBuilder()
                     .ethernet()
                     .ipv4("192.0.2.1", "192.0.2.2")
                     .udp(5, 4789)
                     .u32(0x08000000)
                     .u32(7 << 8)
                     .payload({reinterpret_cast<const char*>(inner.data()), inner.size()}),
                 second_ns);
    harness.run();
    harness.finish(500 * second_ns);
    ASSERT_EQ(harness.flows.size(), 1u);
    const auto& record = harness.flows[0];
    EXPECT_NE(record.flags & api::flow_tunnelled, 0u);
    EXPECT_EQ(record.tunnel, api::TunnelKind::vxlan);
    EXPECT_EQ(record.tunnel_id, 7u);
    EXPECT_EQ(record.tunnel_depth, 1);
    EXPECT_EQ(record.source.bytes[15], 1);
    EXPECT_EQ(record.outer_source.bytes[15], 2);
    EXPECT_EQ(record.outer_destination.bytes[15], 1);
    EXPECT_EQ(record.directions[0].bytes + record.directions[1].bytes, 40u);
}

TEST(Tunnel, WhatCannotBeDecodedMarksTheOuterFlow) {
    PipelineHarness harness;
    harness.feed(PacketBuilder().ethernet().ipv4("192.0.2.1", "192.0.2.2").protocol(47).u16(0).u16(0x2000),
                 second_ns);
    harness.run();
    harness.finish(500 * second_ns);
    ASSERT_EQ(harness.flows.size(), 1u);
    EXPECT_EQ(harness.flows[0].protocol, 47);
    EXPECT_EQ(harness.flows[0].flags, api::flow_inner_undecoded | 0u);
}

}  // namespace
}  // namespace picket::testing
