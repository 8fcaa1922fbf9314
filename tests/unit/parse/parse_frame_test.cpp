#include "dataplane/parse/parse_frame.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/packet_builder.h"

namespace picket::parse {
namespace {

using api::Outcome;
using testing::OwnedFrame;
using testing::PacketBuilder;

const flow::KeyedHash hash{{0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb, 0x2545f4914f6cdd1d}};

struct Parsed {
    ParseResult outcome;
    Packet packet;
};

Parsed parse(const OwnedFrame& owned, ParseSettings settings = {}) {
    Parsed parsed;
    parsed.outcome = parse_frame(owned.frame, settings, hash, parsed.packet);
    return parsed;
}

Parsed parse(const PacketBuilder& builder, ParseSettings settings = {}) {
    return parse(OwnedFrame(builder.bytes()), settings);
}

TEST(ParseFrame, Ipv4Tcp) {
    const OwnedFrame frame(
        PacketBuilder()
            .ethernet()
            .ipv4("10.0.0.2", "10.0.0.1", {.ttl = 57, .id = 39936, .tos = 8})
            .tcp(4000, 80, {.flags = tcp_psh | tcp_ack, .sequence = 7, .acknowledgment = 9})
            .payload("hello")
            .bytes());
    const auto [outcome, packet] = parse(frame);
    ASSERT_FALSE(outcome.has_value());
    EXPECT_EQ(packet.side, 1);  // 10.0.0.1 is side a
    EXPECT_EQ(packet.key.port_a, 80);
    EXPECT_EQ(packet.key.port_b, 4000);
    EXPECT_EQ(packet.key.family, 4);
    EXPECT_EQ(packet.ttl, 57);
    EXPECT_EQ(packet.ip_id, 39936);
    EXPECT_EQ(packet.tos, 8);
    EXPECT_EQ(packet.ip_bytes, 45u);
    EXPECT_EQ(packet.tcp_sequence, 7u);
    EXPECT_EQ(packet.tcp_acknowledgment, 9u);
    EXPECT_EQ(packet.payload_length, 5u);
    EXPECT_EQ(packet.flags, packet_plain);
}

TEST(ParseFrame, BothDirectionsMakeTheSameKey) {
    const auto there = parse(PacketBuilder().ethernet().ipv4("192.0.2.7", "10.1.2.3").udp(27015, 1024));
    const auto back = parse(PacketBuilder().ethernet().ipv4("10.1.2.3", "192.0.2.7").udp(1024, 27015));
    EXPECT_TRUE(there.packet.key == back.packet.key);
    EXPECT_NE(there.packet.side, back.packet.side);
    const auto there6 = parse(PacketBuilder().ethernet().ipv6("2001:db8::1", "2001:db8::2").udp(1, 2));
    const auto back6 = parse(PacketBuilder().ethernet().ipv6("2001:db8::2", "2001:db8::1").udp(2, 1));
    EXPECT_TRUE(there6.packet.key == back6.packet.key);
    EXPECT_NE(there6.packet.side, back6.packet.side);
}

TEST(ParseFrame, SameAddressOrdersByPort) {
    const auto there = parse(PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.1").udp(9, 5));
    const auto back = parse(PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.1").udp(5, 9));
    EXPECT_TRUE(there.packet.key == back.packet.key);
    EXPECT_NE(there.packet.side, back.packet.side);
}

TEST(ParseFrame, EthernetPaddingIsNotPayload) {
    auto bytes = PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).payload("ab").bytes();
    bytes.resize(60);
    const auto [outcome, packet] = parse(OwnedFrame(std::move(bytes)));
    ASSERT_FALSE(outcome.has_value());
    EXPECT_EQ(packet.payload_length, 2u);
    EXPECT_EQ(packet.ip_bytes, 30u);
}

TEST(ParseFrame, VlanTags) {
    const auto one = parse(PacketBuilder().ethernet().vlan(100).ipv4("10.0.0.1", "10.0.0.2").udp(1, 2));
    ASSERT_FALSE(one.outcome.has_value());
    EXPECT_EQ(one.packet.vlan, 100);
    EXPECT_EQ(one.packet.flags, packet_vlan | packet_plain);
    EXPECT_EQ(one.packet.key.vlan, 0);
    const auto two =
        parse(PacketBuilder().ethernet().vlan(200, 0x88a8).vlan(100).ipv4("10.0.0.1", "10.0.0.2").udp(1, 2),
              {.vlan_in_key = true});
    EXPECT_EQ(two.packet.vlan, 200);
    EXPECT_EQ(two.packet.vlan_inner, 100);
    EXPECT_EQ(two.packet.key.vlan, 200);
    EXPECT_EQ(two.packet.flags, packet_vlan);  // NICs differ in what they hash behind such tags
}

TEST(ParseFrame, Ipv6ExtensionHeaders) {
    const auto [outcome, packet] = parse(PacketBuilder()
                                             .ethernet()
                                             .ipv6("2001:db8::1", "2001:db8::2")
                                             .extension(0)
                                             .extension(60)
                                             .udp(53, 1024)
                                             .payload("x"));
    ASSERT_FALSE(outcome.has_value());
    EXPECT_EQ(packet.key.protocol, protocol_udp);
    EXPECT_EQ(packet.payload_length, 1u);
    EXPECT_EQ(packet.ip_bytes, 40u + 16 + 8 + 1);
    EXPECT_EQ(packet.flags, 0);
    auto builder = PacketBuilder().ethernet().ipv6("2001:db8::1", "2001:db8::2");
    for (int i = 0; i < 20; ++i) builder.extension(60);
    EXPECT_EQ(parse(builder.udp(1, 2)).outcome, Outcome::ipv6_extensions);
}

TEST(ParseFrame, Fragments) {
    const auto first =
        parse(PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2", {.fragment = 0x2000}).udp(1, 2));
    ASSERT_FALSE(first.outcome.has_value());
    EXPECT_EQ(first.packet.flags, packet_fragment);
    EXPECT_EQ(first.packet.key.port_a, 1);
    const OwnedFrame later_frame(PacketBuilder()
                                     .ethernet()
                                     .ipv4("10.0.0.1", "10.0.0.2", {.fragment = 0x0010})
                                     .protocol(protocol_udp)
                                     .payload("zz")
                                     .bytes());
    const auto later = parse(later_frame);
    ASSERT_FALSE(later.outcome.has_value());
    EXPECT_EQ(later.packet.flags, packet_fragment | packet_later_fragment);
    EXPECT_EQ(later.packet.key.port_a, 0);
    EXPECT_EQ(later.packet.fragment.offset, 128);
    EXPECT_EQ(later.packet.fragment.id, 1u);
    EXPECT_EQ(later.packet.fragment.length, 2);
    EXPECT_EQ(later.packet.fragment.data[1], 'z');
    EXPECT_FALSE(later.packet.fragment.more);
    EXPECT_TRUE(first.packet.fragment.more);
    EXPECT_EQ(first.packet.fragment.length, 8);
    const auto later6 = parse(PacketBuilder()
                                  .ethernet()
                                  .ipv6("2001:db8::1", "2001:db8::2")
                                  .extension(44, 0x0011)
                                  .protocol(protocol_tcp)
                                  .payload("z"));
    ASSERT_FALSE(later6.outcome.has_value());
    EXPECT_EQ(later6.packet.flags, packet_fragment | packet_later_fragment);
    EXPECT_EQ(later6.packet.fragment.offset, 16);
    EXPECT_EQ(later6.packet.fragment.length, 1);
    EXPECT_TRUE(later6.packet.fragment.more);
    const auto first6 = parse(PacketBuilder()
                                  .ethernet()
                                  .ipv6("2001:db8::1", "2001:db8::2")
                                  .fragment(1, 0x12345678)
                                  .extension(60)
                                  .udp(1, 2));
    ASSERT_FALSE(first6.outcome.has_value());
    EXPECT_EQ(first6.packet.flags, packet_fragment);
    EXPECT_EQ(first6.packet.fragment.id, 0x12345678u);
    EXPECT_EQ(first6.packet.fragment.transport_at, 8);
    EXPECT_EQ(first6.packet.fragment.length, 16);
    const auto atomic6 =
        parse(PacketBuilder().ethernet().ipv6("2001:db8::1", "2001:db8::2").extension(44, 0).udp(1, 2));
    EXPECT_EQ(atomic6.packet.flags, 0);
    EXPECT_EQ(atomic6.packet.key.port_b, 2);
}

// RFC 1858 §3: the ports are there, the rest of the header is in the next fragment.
TEST(ParseFrame, ATcpHeaderThatGoesOnInTheNextFragment) {
    auto bytes =
        PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2", {.fragment = 0x2000}).tcp(1, 80).bytes();
    for (const std::size_t length : {8, 16, 20}) {
        auto tiny = bytes;
        tiny.resize(34 + length);
        tiny[17] = static_cast<std::uint8_t>(20 + length);
        if (length == 20) tiny[46] = 0x80;  // options follow
        const auto result = parse(OwnedFrame(tiny));
        ASSERT_FALSE(result.outcome.has_value()) << length;
        EXPECT_EQ(result.packet.key.port_a + result.packet.key.port_b, 81);
        EXPECT_EQ(result.packet.payload_length, 0u);
        tiny[20] = 0;  // not a fragment
        EXPECT_EQ(parse(OwnedFrame(tiny)).outcome, Outcome::malformed_tcp);
    }
}

TEST(ParseFrame, IcmpEchoAndReplyAreOneFlow) {
    const auto ask = parse(PacketBuilder().ethernet().ipv4("10.0.0.9", "10.0.0.1").icmp(8, 0, 77));
    const auto answer = parse(PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.9").icmp(0, 0, 77));
    EXPECT_TRUE(ask.packet.key == answer.packet.key);
    EXPECT_EQ(answer.packet.flags & packet_icmp_reply, packet_icmp_reply);
    const auto error = parse(PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.9").icmp(3, 1));
    EXPECT_EQ(error.packet.key.port_b + error.packet.key.port_a, 3 << 8 | 1);
}

TEST(ParseFrame, NamedOutcomes) {
    EXPECT_EQ(parse(PacketBuilder().ethernet().ethertype(0x0806).payload("arp")).outcome, Outcome::non_ip);
    EXPECT_EQ(parse(OwnedFrame({1, 2, 3})).outcome, Outcome::malformed_ethernet);
    auto bytes = PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).bytes();
    bytes[14] = 0x44;  // header length of 16 bytes
    EXPECT_EQ(parse(OwnedFrame(bytes)).outcome, Outcome::malformed_ipv4);
    bytes[14] = 0x45;
    bytes[17] = 200;  // longer than the frame
    EXPECT_EQ(parse(OwnedFrame(bytes)).outcome, Outcome::malformed_ipv4);
    EXPECT_EQ(
        parse(PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").protocol(6).payload("short")).outcome,
        Outcome::malformed_tcp);
    EXPECT_EQ(
        parse(PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").protocol(17).payload("abc")).outcome,
        Outcome::malformed_udp);
    EXPECT_EQ(
        parse(PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").protocol(1).payload("abc")).outcome,
        Outcome::malformed_icmp);
    OwnedFrame odd(PacketBuilder().ethernet().bytes());
    odd.frame.link_type = static_cast<rx::LinkType>(147);
    EXPECT_EQ(parse(odd).outcome, Outcome::unknown_link_type);
}

// A snapshot length that cuts the headers is not the sender's fault.
TEST(ParseFrame, CutBySnapshotLength) {
    OwnedFrame frame(
        PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").tcp(1, 2).payload("0123456789").bytes());
    frame.frame.captured_length = 14 + 20 + 8;
    EXPECT_EQ(parse(frame).outcome, Outcome::truncated);
    frame.frame.captured_length = 14 + 20 + 20 + 4;
    const auto [outcome, packet] = parse(frame);
    ASSERT_FALSE(outcome.has_value());
    EXPECT_EQ(packet.payload_captured, 4u);
    EXPECT_EQ(packet.payload_length, 10u);
    EXPECT_EQ(packet.flags & packet_payload_cut, packet_payload_cut);
}

TEST(ParseFrame, OtherLinkTypes) {
    const auto ip = PacketBuilder().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).bytes();
    EXPECT_FALSE(parse(OwnedFrame(ip, 1, rx::LinkType::raw_ip)).outcome.has_value());
    std::vector<std::uint8_t> loopback{2, 0, 0, 0};
    loopback.insert(loopback.end(), ip.begin(), ip.end());
    EXPECT_FALSE(parse(OwnedFrame(loopback, 1, rx::LinkType::null)).outcome.has_value());
    std::vector<std::uint8_t> cooked(14);
    cooked.insert(cooked.end(), {0x08, 0x00});
    cooked.insert(cooked.end(), ip.begin(), ip.end());
    const auto sll = parse(OwnedFrame(cooked, 1, rx::LinkType::linux_sll));
    ASSERT_FALSE(sll.outcome.has_value());
    EXPECT_EQ(sll.packet.flags & packet_plain, 0);  // no NIC parses it
}

// Any bytes end in a packet or a named outcome, and a packet's payload lies within its frame.
TEST(ParseFrame, AnyBytesAreSafe) {
    std::mt19937_64 random(7);
    const auto base = PacketBuilder()
                          .ethernet()
                          .vlan(1)
                          .ipv6("2001:db8::1", "2001:db8::2")
                          .extension(0)
                          .extension(44, 1)
                          .tcp(1, 2)
                          .payload("GET / HTTP/1.0")
                          .bytes();
    const auto base4 =
        PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").tcp(1, 2).payload("GET / HTTP/1.0").bytes();
    for (int round = 0; round < 200'000; ++round) {
        auto bytes = (round & 1) != 0 ? base : base4;
        for (unsigned changes = random() % 4; changes > 0; --changes)
            bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
        bytes.resize(random() % (bytes.size() + 1));
        const std::vector<std::uint8_t> exact(bytes.begin(),
                                              bytes.end());  // no slack for a sanitizer to miss
        OwnedFrame frame(exact);
        frame.frame.wire_length += static_cast<std::uint32_t>(random() % 3 * 20);
        const auto [outcome, packet] = parse(frame);
        if (outcome.has_value()) continue;
        if (packet.payload_captured != 0) {
            ASSERT_GE(packet.payload, frame.frame.data);
            ASSERT_LE(packet.payload + packet.payload_captured,
                      frame.frame.data + frame.frame.captured_length);
        }
    }
}

}  // namespace
}  // namespace picket::parse
