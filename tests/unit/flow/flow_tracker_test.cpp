#include "dataplane/flow/flow_tracker.h"

#include <gtest/gtest.h>

#include "tests/support/flow_harness.h"

namespace picket::flow {
namespace {

using parse::tcp_ack;
using parse::tcp_fin;
using parse::tcp_psh;
using parse::tcp_rst;
using parse::tcp_syn;
using testing::FlowHarness;
using testing::PacketBuilder;
using testing::second_ns;
using testing::TcpFields;

PacketBuilder udp_there(std::uint8_t ttl = 64) {
    return PacketBuilder().ethernet().ipv4("10.0.0.9", "10.0.0.1", {.ttl = ttl}).udp(5000, 53).payload("ask");
}
PacketBuilder udp_back() {
    return PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.9").udp(53, 5000).payload("answer");
}
PacketBuilder client(TcpFields fields, std::string_view payload = {}) {
    return PacketBuilder().ethernet().ipv4("10.0.0.9", "10.0.0.1").tcp(4000, 80, fields).payload(payload);
}
PacketBuilder server(TcpFields fields, std::string_view payload = {}) {
    return PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.9").tcp(80, 4000, fields).payload(payload);
}

TEST(FlowTracker, BiflowCountsEachDirection) {
    FlowHarness flows;
    flows.feed(udp_there(), 10 * second_ns);
    flows.feed(udp_back(), 10 * second_ns + 5);
    flows.feed(udp_there(60), 11 * second_ns);
    const auto& records = flows.finish(100 * second_ns);
    ASSERT_EQ(records.size(), 1u);
    const auto& flow = records[0];
    EXPECT_EQ(flow.source_port, 5000);
    EXPECT_EQ(flow.destination_port, 53);
    EXPECT_EQ(flow.directions[0].packets, 2u);
    EXPECT_EQ(flow.directions[0].bytes, 62u);
    EXPECT_EQ(flow.directions[1].packets, 1u);
    EXPECT_EQ(flow.directions[1].bytes, 34u);
    EXPECT_EQ(flow.directions[0].first_ns, 10 * second_ns);
    EXPECT_EQ(flow.directions[0].last_ns, 11 * second_ns);
    EXPECT_EQ(flow.directions[1].first_ns, 10 * second_ns + 5);
    EXPECT_EQ(flow.directions[1].last_ns, 10 * second_ns + 5);
    EXPECT_EQ(flow.directions[0].ttl_min, 60);
    EXPECT_EQ(flow.directions[0].ttl_max, 64);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(flow.directions[1].payload_first.data()), 6),
              "answer");
    EXPECT_EQ(flow.end_reason, api::EndReason::idle_timeout);
    EXPECT_EQ(flow.final, 1);
    EXPECT_EQ(flow.flags & api::flow_cut_short, 0u);
}

// The other side's last time survives a silence longer than the 32 bits of the hot line can say.
TEST(FlowTracker, LastTimesOfAQuietSide) {
    FlowHarness flows;
    flows.feed(udp_back(), 1 * second_ns);
    flows.feed(udp_there(), 2 * second_ns + 7);
    for (int i = 0; i < 4; ++i) flows.feed(udp_back(), (3 + 3 * i) * second_ns);
    const auto& flow = flows.finish(100 * second_ns).at(0);
    EXPECT_EQ(flow.directions[0].last_ns, 12 * second_ns);
    EXPECT_EQ(flow.directions[1].last_ns, 2 * second_ns + 7);
}

TEST(FlowTracker, IdleTimeoutIsJudgedByPacketTime) {
    FlowHarness flows;
    flows.feed(udp_there(), 10 * second_ns);
    flows.feed(udp_there(), 25 * second_ns);      // exactly the timeout: still the same flow
    flows.feed(udp_there(), 40 * second_ns + 1);  // beyond it
    const auto& records = flows.finish(40 * second_ns + 1);
    ASSERT_EQ(records.size(), 2u);
    EXPECT_EQ(records[0].directions[0].packets, 2u);
    EXPECT_NE(records[0].flow_id, records[1].flow_id);
    EXPECT_NE(records[1].flags & api::flow_cut_short, 0u);
}

TEST(FlowTracker, TheWheelEndsFlowsAndNeverTooEarly) {
    FlowHarness flows;
    flows.feed(udp_there(), 10 * second_ns);
    flows.tracker.turn_wheel(25 * second_ns);
    EXPECT_TRUE(flows.collector.records.empty());
    flows.tracker.turn_wheel(27 * second_ns + second_ns / 5);
    ASSERT_EQ(flows.collector.records.size(), 1u);
    EXPECT_EQ(flows.tracker.table().entries(), 0u);
    EXPECT_EQ(flows.collector.endings, 1);
}

TEST(FlowTracker, OutOfOrderTimesKeepTheFlow) {
    FlowHarness flows;
    flows.feed(udp_there(), 20 * second_ns);
    flows.feed(udp_back(), 19 * second_ns);
    flows.feed(udp_there(), 18 * second_ns);
    const auto& records = flows.finish(20 * second_ns);
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].directions[0].packets, 2u);
    EXPECT_EQ(records[0].directions[0].last_ns, 20 * second_ns);
    EXPECT_EQ(records[0].directions[1].last_ns, 19 * second_ns);
}

// Parts of one id that add up; the cut is decided by packet times.
TEST(FlowTracker, ActiveTimeoutCutsParts) {
    FlowHarness flows;
    std::uint64_t packets = 0;
    for (std::uint64_t s = 0; s <= 600; s += 5, ++packets) flows.feed(udp_there(), (1000 + s) * second_ns);
    const auto& records = flows.finish(1600 * second_ns);
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < records.size(); ++i) {
        EXPECT_EQ(records[i].flow_id, records[0].flow_id);
        EXPECT_EQ(records[i].part, i + 1);
        EXPECT_EQ(records[i].final, i + 1 == records.size() ? 1 : 0);
        EXPECT_EQ(records[i].start_ns, 1000 * second_ns);
        EXPECT_LE(records[i].part_last_ns - records[i].part_first_ns, 120 * second_ns);
        sum += records[i].directions[0].packets;
    }
    EXPECT_EQ(sum, packets);
    EXPECT_EQ(records.size(), 5u);  // a part holds 25 packets of 5 s: 121 = 4 * 25 + 21
    EXPECT_EQ(records[0].end_reason, api::EndReason::active_timeout);
}

TEST(FlowTracker, BytesCarryBeyond32Bits) {
    FlowHarness flows;
    const auto big =
        PacketBuilder().ethernet().ipv4("10.0.0.9", "10.0.0.1").udp(1, 2).payload(std::string(65'000, 'x'));
    const testing::OwnedFrame owned(big.bytes());
    parse::Packet packet;
    ASSERT_FALSE(parse::parse_frame(owned.frame, {}, testing::test_hash, packet));
    packet.hash = testing::test_hash(packet.key);
    for (int i = 0; i < 100'000; ++i) {
        Tracked result;
        ASSERT_EQ(flows.tracker.track({&packet, 1}, {&result, 1}), 1u);
    }
    EXPECT_EQ(flows.finish(second_ns).at(0).directions[0].bytes, 100'000ull * 65'028);
}

TEST(FlowTracker, TcpConversation) {
    FlowHarness flows;
    flows.feed(client({.flags = tcp_syn, .sequence = 100}), 1'000);
    flows.feed(server({.flags = tcp_syn | tcp_ack, .sequence = 500, .acknowledgment = 101}), 2'000);
    flows.feed(client({.flags = tcp_ack, .sequence = 101, .acknowledgment = 501}), 3'500);
    flows.feed(client({.flags = tcp_psh | tcp_ack, .sequence = 101, .acknowledgment = 501}, "GET"), 4'000);
    flows.feed(client({.flags = tcp_psh | tcp_ack, .sequence = 101, .acknowledgment = 501}, "GET"), 4'500);
    flows.feed(server({.flags = tcp_ack, .sequence = 501, .acknowledgment = 104}, "200"), 5'000);
    flows.feed(server({.flags = tcp_fin | tcp_ack, .sequence = 504, .acknowledgment = 104}), 6'000);
    flows.feed(client({.flags = tcp_fin | tcp_ack, .sequence = 104, .acknowledgment = 505}), 7'000);
    const auto& flow = flows.finish(8'000).at(0);
    EXPECT_EQ(flow.state, api::ConnState::sf);
    EXPECT_STREQ(flow.history.data(), "ShADdfF");
    EXPECT_EQ(flow.handshake_rtt_ns, 2'500u);
    EXPECT_EQ(flow.directions[0].retransmitted, 1u);
    EXPECT_EQ(flow.directions[1].lost_bytes, 0u);
    EXPECT_EQ(flow.end_reason, api::EndReason::end_of_flow);
    EXPECT_EQ(flow.flags & api::flow_midstream, 0u);
}

TEST(FlowTracker, SynRetriesAreOneFlowAndUnanswered) {
    FlowHarness flows;
    for (const std::uint64_t s : {0, 3, 9, 21, 45})
        flows.feed(client({.flags = tcp_syn, .sequence = 100}), (100 + s) * second_ns);
    const auto& records = flows.finish(200 * second_ns);
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].directions[0].packets, 5u);
    EXPECT_EQ(records[0].state, api::ConnState::s0);
}

TEST(FlowTracker, TheThirdSynIsToldAtOnceAndNoOther) {
    FlowHarness flows;
    const auto& attempts = flows.collector.attempts;
    std::vector<std::size_t> told;
    for (const std::uint64_t s : {0, 3, 9, 21, 45}) {
        flows.feed(client({.flags = tcp_syn, .sequence = 100}), (100 + s) * second_ns);
        told.push_back(attempts.size());
    }
    EXPECT_EQ(told, (std::vector<std::size_t>{0, 0, 1, 1, 1}));
    EXPECT_TRUE(flows.collector.records.empty()) << "the flow goes on";
    ASSERT_EQ(attempts.size(), 1u);
    EXPECT_EQ(attempts[0].source_port, 4000);
    EXPECT_EQ(attempts[0].destination_port, 80);
    EXPECT_EQ(attempts[0].start_ns, 100 * second_ns);
    EXPECT_EQ(attempts[0].directions[0].packets, 3u);
    EXPECT_EQ(attempts[0].directions[0].last_ns, 109 * second_ns);
    EXPECT_EQ(attempts[0].directions[1].packets, 0u);
    EXPECT_EQ(attempts[0].state, api::ConnState::s0);
    EXPECT_EQ(attempts[0].end_reason, api::EndReason::live);
}

TEST(FlowTracker, AnAnsweredOrRefusedSynIsNoAttempt) {
    for (const int answer : {tcp_syn | tcp_ack, tcp_rst | tcp_ack}) {
        FlowHarness flows;
        const TcpFields syn{.flags = tcp_syn, .sequence = 100};
        const TcpFields back{
            .flags = static_cast<std::uint8_t>(answer), .sequence = 500, .acknowledgment = 101};
        flows.feed(client(syn), 100 * second_ns);
        flows.feed(client(syn), 103 * second_ns);
        flows.feed(server(back), 104 * second_ns);
        flows.feed(client(syn), 109 * second_ns);
        EXPECT_TRUE(flows.collector.attempts.empty()) << answer;
    }
}

TEST(FlowTracker, PortReuseIsANewFlow) {
    FlowHarness flows;
    flows.feed(client({.flags = tcp_syn, .sequence = 100}), 1 * second_ns);
    flows.feed(server({.flags = tcp_rst | tcp_ack, .sequence = 0, .acknowledgment = 101}), 1 * second_ns + 1);
    flows.feed(client({.flags = tcp_syn, .sequence = 9000}), 2 * second_ns);
    const auto& records = flows.finish(2 * second_ns);
    ASSERT_EQ(records.size(), 2u);
    EXPECT_EQ(records[0].state, api::ConnState::rej);
    EXPECT_EQ(records[0].end_reason, api::EndReason::end_of_flow);
    EXPECT_EQ(records[1].state, api::ConnState::s0);
}

// Polling order is not arrival order: the answer may be seen before the question.
TEST(FlowTracker, SynAckFirstMakesItsReceiverTheInitiator) {
    FlowHarness flows;
    flows.feed(server({.flags = tcp_syn | tcp_ack, .sequence = 500, .acknowledgment = 101}), 2'000);
    flows.feed(client({.flags = tcp_syn, .sequence = 100}), 1'000);
    const auto& records = flows.finish(3'000);
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].source_port, 4000);
    EXPECT_STREQ(records[0].history.data(), "hS");
}

TEST(FlowTracker, LossBeforeUsShowsAsAcknowledgedAndNeverSeen) {
    FlowHarness flows;
    flows.feed(client({.flags = tcp_syn, .sequence = 100}), 1);
    flows.feed(server({.flags = tcp_syn | tcp_ack, .sequence = 500, .acknowledgment = 101}), 2);
    flows.feed(client({.flags = tcp_ack, .sequence = 101, .acknowledgment = 1501}), 3);  // 1,000 bytes unseen
    flows.feed(server({.flags = tcp_ack, .sequence = 1501, .acknowledgment = 101}, "late"), 4);
    const auto& flow = flows.finish(5).at(0);
    EXPECT_EQ(flow.directions[1].lost_bytes, 1000u);
    EXPECT_EQ(flow.directions[1].out_of_order, 1u);
    EXPECT_EQ(flow.directions[0].lost_bytes, 0u);
}

// Payload from before the first that was seen of a connection met midstream comes late; it is no repetition.
TEST(FlowTracker, EarlierSegmentsOfAMidstreamConnectionAreNew) {
    FlowHarness flows;
    flows.feed(client({.flags = tcp_ack, .sequence = 106, .acknowledgment = 1}, "third"), 1);
    flows.feed(client({.flags = tcp_ack, .sequence = 103, .acknowledgment = 1}, "2nd"), 2);
    flows.feed(client({.flags = tcp_ack, .sequence = 100, .acknowledgment = 1}, "1st"), 3);
    flows.feed(client({.flags = tcp_ack, .sequence = 103, .acknowledgment = 1}, "2nd"), 4);
    const auto& flow = flows.finish(5).at(0);
    EXPECT_EQ(flow.directions[0].out_of_order, 2u);
    EXPECT_EQ(flow.directions[0].retransmitted, 1u);
}

// An acknowledgment that was polled before the data it acknowledges is no loss.
TEST(FlowTracker, DataPolledAfterItsAcknowledgmentIsNotLost) {
    FlowHarness flows;
    flows.feed(server({.flags = tcp_ack, .sequence = 500, .acknowledgment = 1}, "abc"), 1);
    flows.feed(client({.flags = tcp_ack, .sequence = 1, .acknowledgment = 506}), 3);
    const auto late = flows.feed(server({.flags = tcp_ack, .sequence = 503, .acknowledgment = 1}, "def"), 2);
    EXPECT_EQ(late.seen_bytes, 0u);
    EXPECT_FALSE(late.gap);
    const auto& flow = flows.finish(5).at(0);
    const auto& from_server = flow.source_port == 80 ? flow.directions[0] : flow.directions[1];
    EXPECT_EQ(from_server.lost_bytes, 0u);
}

TEST(FlowTracker, RetransmittedBytesAreMarkedSeen) {
    FlowHarness flows;
    flows.feed(client({.flags = tcp_ack, .sequence = 10}, "abcdef"), 1);
    EXPECT_EQ(flows.feed(client({.flags = tcp_ack, .sequence = 12}, "cdefgh"), 2).seen_bytes, 4u);
    EXPECT_EQ(flows.feed(client({.flags = tcp_ack, .sequence = 10}, "abc"), 3).seen_bytes, 3u);
    EXPECT_TRUE(flows.feed(client({.flags = tcp_ack, .sequence = 30}, "z"), 4).gap);
}

// A record must not leave while earlier packets of its flow in the same burst are still in the pipeline.
TEST(FlowTracker, StopsBeforeAPacketThatMakesARecordLeave) {
    FlowHarness flows;
    std::vector<testing::OwnedFrame> frames;
    frames.emplace_back(udp_there().bytes(), 10 * second_ns);
    frames.emplace_back(udp_there().bytes(), 90 * second_ns);
    std::vector<parse::Packet> packets(2);
    for (std::size_t i = 0; i < 2; ++i) {
        ASSERT_FALSE(parse::parse_frame(frames[i].frame, {}, testing::test_hash, packets[i]));
        packets[i].hash = testing::test_hash(packets[i].key);
        packets[i].sequence = i;
    }
    std::vector<Tracked> results(2);
    EXPECT_EQ(flows.tracker.track(packets, results), 1u);
    EXPECT_TRUE(flows.collector.records.empty());
    EXPECT_EQ(flows.tracker.track(std::span(packets).subspan(1), results), 1u);
    EXPECT_EQ(flows.collector.records.size(), 1u);
}

TEST(FlowTracker, AFullFixedTableIsAnOutcome) {
    FlowSettings settings;
    settings.capacity = 4;
    settings.fixed = true;
    FlowHarness flows(settings);
    for (std::uint16_t port = 1; port <= 4; ++port) {
        EXPECT_NE(flows.feed(PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").udp(port, 9), 1).cold,
                  no_index);
    }
    const auto refused = flows.feed(PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").udp(5, 9), 1);
    EXPECT_EQ(refused.cold, no_index);
    EXPECT_EQ(refused.outcome, api::Outcome::table_full);
    EXPECT_EQ(flows.finish(1).size(), 4u);
}

TEST(FlowTracker, WalkSnapshotsPassTheFilter) {
    FlowHarness flows;
    flows.feed(udp_there(), second_ns);
    flows.feed(PacketBuilder().ethernet().ipv6("2001:db8::1", "2001:db8::2").udp(1, 2), second_ns);
    testing::RecordCollector all;
    api::WalkFilter filter;
    EXPECT_EQ(flows.tracker.walk(0, 4096, 7, filter, all), flows.tracker.table().records());
    EXPECT_EQ(all.records.size(), 2u);
    EXPECT_EQ(all.records[0].walk_id, 7u);
    EXPECT_EQ(all.records[0].end_reason, api::EndReason::live);
    testing::RecordCollector some;
    filter.prefix_count = 1;
    const std::array<std::uint8_t, 4> network{10, 0, 0, 0};
    filter.prefixes[0] = {api::ipv4_mapped(network.data()), 96 + 8, {}};
    (void)flows.tracker.walk(0, 4096, 8, filter, some);
    ASSERT_EQ(some.records.size(), 1u);
    EXPECT_EQ(some.records[0].source_port, 5000);
}

}  // namespace
}  // namespace picket::flow
