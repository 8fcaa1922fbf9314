// Packets of flows with a hit, from the one that hit on: whatever the bursts, and no others.
#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "tests/support/fragment_harness.h"
#include "tests/support/rule_worker.h"

namespace picket {
namespace {

using testing::Conversation;
using testing::PacketBuilder;
using testing::PipelineHarness;
using testing::RuleWorker;
using testing::second_ns;

constexpr const char* rule =
    "alert http any any -> any any (flow:to_server; http.uri; content:\"/probe\"; sid:1;)\n";

PipelineSettings settings(std::uint16_t packets) {
    PipelineSettings settings = PipelineHarness::replay_settings();
    settings.alert_packets = packets;
    return settings;
}

std::string payloads(const PipelineHarness& worker) {
    std::string text;
    for (const auto& packet : worker.packets) text += "[" + packet.payload() + "]";
    return text;
}

std::string get(const std::string& uri) {
    return "GET " + uri + " HTTP/1.1\r\nHost: h\r\n\r\n";
}

TEST(AlertPackets, FromTheHitOnWhateverTheBursts) {
    for (std::size_t burst = 1; burst <= 12; ++burst) {
        RuleWorker sensor(settings(100));
        sensor.load(rule);
        Conversation(sensor.worker, 4001).handshake().client(get("/else")).server("no");
        Conversation(sensor.worker, 4002)
            .handshake()
            .client(get("/first"))
            .server("one")
            .client(get("/probe"))
            .server("two")
            .client("");
        sensor.worker.run(burst);
        EXPECT_EQ(payloads(sensor.worker), "[" + get("/probe") + "][two][]") << "bursts of " << burst;
        for (std::size_t i = 0; i < sensor.worker.packets.size(); ++i) {
            const auto& event = sensor.worker.packets[i].event;
            EXPECT_EQ(event.from_responder, i == 1 ? 1 : 0);
            EXPECT_EQ(event.wire_length, event.captured);
            EXPECT_EQ(event.link_type, 1);
            EXPECT_EQ(event.protocol, 6);
        }
        sensor.worker.finish(9 * second_ns);
        ASSERT_FALSE(sensor.worker.packets.empty());
        EXPECT_EQ(sensor.worker.packets[1].event.tcp_sequence, 9001u + 3u);
        std::vector<std::uint64_t> with_hit;
        for (const auto& flow : sensor.worker.flows) {
            if (flow.rule_count != 0) with_hit.push_back(flow.flow_id);
        }
        EXPECT_EQ(with_hit, std::vector{sensor.worker.packets[0].event.flow_id});
    }
}

TEST(AlertPackets, ASplitRequestBeginsWithThePacketThatMakesItWhole) {
    RuleWorker sensor(settings(100));
    sensor.load(rule);
    Conversation(sensor.worker).handshake().in_segments(get("/probe"), 11);
    sensor.worker.run();
    ASSERT_EQ(sensor.hits(), "1:1");
    ASSERT_EQ(sensor.worker.packets.size(), 1u);
    EXPECT_TRUE(sensor.worker.packets[0].payload().ends_with("\r\n\r\n"));
}

TEST(AlertPackets, AsManyAsAreWanted) {
    RuleWorker sensor(settings(3));
    sensor.load(rule);
    Conversation talk(sensor.worker);
    talk.handshake().client(get("/probe"));
    for (int i = 0; i < 10; ++i) talk.server("x").client(get("/probe"));
    sensor.worker.run(4);
    EXPECT_EQ(sensor.worker.packets.size(), 3u);
    RuleWorker none(settings(0));
    none.load(rule);
    Conversation(none.worker).handshake().client(get("/probe"));
    none.worker.run();
    EXPECT_EQ(none.hits(), "1:1");
    EXPECT_TRUE(none.worker.packets.empty());
}

TEST(AlertPackets, FlowbitsAloneAreNoHit) {
    RuleWorker sensor(settings(100));
    sensor.load(
        "alert http any any -> any any (flow:to_server; http.uri; content:\"/set\"; "
        "flowbits:set,a; noalert; sid:1;)\n"
        "alert http any any -> any any (flow:to_server; http.uri; content:\"/test\"; "
        "flowbits:isset,a; sid:2;)\n");
    Conversation(sensor.worker)
        .handshake()
        .client(get("/set"))
        .server("one")
        .client(get("/test"))
        .server("two");
    sensor.worker.run(3);
    EXPECT_EQ(payloads(sensor.worker), "[" + get("/test") + "][two]");
}

// Fragments that had to wait have no frame any more: they are counted, not invented.
TEST(AlertPackets, WhatWaitedIsCounted) {
    RuleWorker sensor(settings(100));
    sensor.load(rule);
    const std::string datagram = testing::tcp_datagram(get("/probe"), {parse::tcp_ack, 100, 1});
    const auto cuts = testing::cuts_of(datagram.size(), 24);
    for (std::size_t i = cuts.size(); i-- > 0;) {
        sensor.worker.feed(testing::fragment_of(datagram, cuts[i], {.protocol = parse::protocol_tcp}),
                           second_ns + 10);
    }
    sensor.worker.run(1);
    sensor.worker.pipeline.publish();
    ASSERT_EQ(sensor.hits(), "1:1");
    const auto dropped =
        sensor.worker.area.counters.events_dropped[static_cast<std::size_t>(api::EventKind::packet)];
    EXPECT_GT(sensor.worker.packets.size() + dropped, 0u);
    for (const auto& packet : sensor.worker.packets)
        EXPECT_EQ(packet.event.wire_length, packet.event.captured);
}

// A ring of which little is left keeps its room for records.
TEST(AlertPackets, GiveWayToRecords) {
    RuleWorker sensor(settings(65'535), 4 * api::event_size_max);
    sensor.load(rule);
    Conversation talk(sensor.worker);
    talk.handshake().client(get("/probe"));
    constexpr std::size_t answers = 50;
    for (std::size_t i = 0; i < answers; ++i) talk.server(std::string(4000, 'x'));
    talk.client(get("/probe"));
    sensor.worker.run();
    sensor.worker.pipeline.publish();
    const auto dropped = sensor.worker.area.counters.events_dropped;
    EXPECT_EQ(sensor.hits(), "1:1 1:1");
    EXPECT_GT(dropped[static_cast<std::size_t>(api::EventKind::packet)], 0u);
    EXPECT_EQ(sensor.worker.packets.size() + dropped[static_cast<std::size_t>(api::EventKind::packet)],
              answers + 2);
    EXPECT_EQ(std::accumulate(dropped.begin(), dropped.end(), std::uint64_t{0}),
              dropped[static_cast<std::size_t>(api::EventKind::packet)]);
}

}  // namespace
}  // namespace picket
