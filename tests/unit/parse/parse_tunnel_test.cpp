// Encapsulations, each around the same inner packet: entered, left alone where configured so, and cut at
// every byte.
#include <gtest/gtest.h>

#include <random>

#include "dataplane/parse/parse_frame.h"
#include "tests/support/packet_builder.h"

namespace picket::parse {
namespace {

using api::TunnelKind;
using testing::OwnedFrame;
using testing::PacketBuilder;

const flow::KeyedHash hash{{0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb, 0x2545f4914f6cdd1d}};
constexpr const char* outer_source = "192.0.2.1";
constexpr const char* outer_destination = "192.0.2.2";

struct Parsed {
    ParseResult outcome;
    Packet packet;
};

Parsed parse(const OwnedFrame& owned, ParseSettings settings = {}) {
    Parsed parsed;
    parsed.outcome = parse_frame(owned.frame, settings, hash, parsed.packet);
    return parsed;
}

std::string_view text_of(const std::vector<std::uint8_t>& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<std::uint8_t> inner_ipv4() {
    return PacketBuilder()
        .ipv4("10.1.0.1", "10.1.0.2", {.ttl = 33, .id = 77, .tos = 4})
        .tcp(4000, 80, {.flags = tcp_psh | tcp_ack})
        .payload("GET / HTTP/1.0")
        .bytes();
}
std::vector<std::uint8_t> inner_ipv6() {
    return PacketBuilder()
        .ipv6("2001:db8::1", "2001:db8::2", 33)
        .tcp(4000, 80)
        .payload("GET / HTTP/1.0")
        .bytes();
}
std::vector<std::uint8_t> inner_ethernet(std::uint16_t ethertype = 0x0800) {
    return PacketBuilder().ethernet().ethertype(ethertype).payload(text_of(inner_ipv4())).bytes();
}

PacketBuilder outer() {
    return PacketBuilder().ethernet().ipv4(outer_source, outer_destination, {.ttl = 64, .id = 1});
}
PacketBuilder outer_udp(std::uint16_t port) {
    return outer().udp(50'000, port);
}

struct Case {
    const char* name;
    PacketBuilder head;
    std::vector<std::uint8_t> inner;
    TunnelKind kind;
    std::uint32_t id;
    unsigned depth = 1;
};

// A label stack entry.
std::uint32_t label(std::uint32_t value, bool bottom) {
    return value << 12 | (bottom ? 0x100u : 0u) | 64;
}

std::vector<Case> link_cases() {
    const auto mpls = [] { return PacketBuilder().ethernet().ethertype(0x8847); };
    const auto pppoe = [] {
        return PacketBuilder().ethernet().ethertype(0x8864).u8(0x11).u8(0).u16(9).u16(56);
    };
    return {
        {"mpls", mpls().u32(label(16, true)), inner_ipv4(), TunnelKind::mpls, 16, 0},
        {"mpls stack", mpls().u32(label(17, false)).u32(label(18, true)), inner_ipv6(), TunnelKind::mpls, 17,
         0},
        {"mpls pseudowire", mpls().u32(label(19, true)), inner_ethernet(), TunnelKind::mpls, 19, 0},
        {"mpls control word", mpls().u32(label(20, true)).u32(5), inner_ethernet(), TunnelKind::mpls, 20, 0},
        {"vlan in mpls", PacketBuilder().ethernet().vlan(7).ethertype(0x8847).u32(label(21, true)),
         inner_ipv4(), TunnelKind::mpls, 21, 0},
        {"pppoe", pppoe().u16(0x0021), inner_ipv4(), TunnelKind::pppoe, 9, 0},
        {"pppoe ipv6", pppoe().u16(0x0057), inner_ipv6(), TunnelKind::pppoe, 9, 0},
        {"pppoe compressed", pppoe().u8(0x21), inner_ipv4(), TunnelKind::pppoe, 9, 0},
    };
}

std::vector<Case> gre_cases() {
    const auto gre = [](std::uint16_t flags, std::uint16_t type) {
        return outer().protocol(47).u16(flags).u16(type);
    };
    return {
        {"gre", gre(0, 0x0800), inner_ipv4(), TunnelKind::gre, 0},
        {"gre ipv6", gre(0, 0x86dd), inner_ipv6(), TunnelKind::gre, 0},
        {"gre options", gre(0xb000, 0x0800).u32(1).u32(4242).u32(3), inner_ipv4(), TunnelKind::gre, 4242},
        {"gre ethernet", gre(0x2000, 0x6558).u32(8), inner_ethernet(), TunnelKind::gre, 8},
        {"gre mpls", gre(0, 0x8847).u32(label(5, true)), inner_ipv4(), TunnelKind::gre, 0},
        {"pptp", gre(0x3081, 0x880b).u16(50).u16(6).u32(1).u32(2).u16(0xff03).u16(0x0021), inner_ipv4(),
         TunnelKind::gre, 6},
        {"erspan 1", gre(0, 0x88be), inner_ethernet(), TunnelKind::erspan, 0},
        {"erspan 2", gre(0x1000, 0x88be).u32(1).u16(0x1001).u16(0x0811).u32(0), inner_ethernet(),
         TunnelKind::erspan, 0x11},
        {"erspan 3", gre(0x1000, 0x22eb).u32(1).u16(0x2001).u16(0x0012).u32(0).u16(0).u16(0),
         inner_ethernet(), TunnelKind::erspan, 0x12},
        {"erspan 3 subheader",
         gre(0x1000, 0x22eb).u32(1).u16(0x2001).u16(0x0012).u32(0).u16(0).u16(1).u32(0).u32(0),
         inner_ethernet(), TunnelKind::erspan, 0x12},
        {"erspan 3 ip", gre(0x1000, 0x22eb).u32(1).u16(0x2001).u16(0x0012).u32(0).u16(0).u16(2 << 10),
         inner_ipv4(), TunnelKind::erspan, 0x12},
    };
}

std::vector<Case> other_cases() {
    const auto in6 = [] { return PacketBuilder().ethernet().ipv6("2001:db8:f::1", "2001:db8:f::2"); };
    return {
        {"ipip", outer().protocol(4), inner_ipv4(), TunnelKind::ipip, 0},
        {"6in4", outer().protocol(41), inner_ipv6(), TunnelKind::ipip, 0},
        {"4in6", in6().protocol(4), inner_ipv4(), TunnelKind::ipip, 0},
        {"4in6 behind options", in6().extension(60).protocol(4), inner_ipv4(), TunnelKind::ipip, 0},
        {"vxlan", outer_udp(4789).u32(0x08000000).u32(100 << 8), inner_ethernet(), TunnelKind::vxlan, 100},
        {"vxlan linux", outer_udp(8472).u32(0x08000000).u32(101 << 8), inner_ethernet(), TunnelKind::vxlan,
         101},
        {"vxlan-gpe", outer_udp(4790).u32(0x0c000001).u32(110 << 8), inner_ipv4(), TunnelKind::vxlan, 110},
        {"geneve", outer_udp(6081).u16(0x0000).u16(0x6558).u32(102 << 8), inner_ethernet(),
         TunnelKind::geneve, 102},
        {"geneve options", outer_udp(6081).u16(0x0200).u16(0x0800).u32(103 << 8).u32(0).u32(0), inner_ipv4(),
         TunnelKind::geneve, 103},
        {"gtpu", outer_udp(2152).u16(0x30ff).u16(50).u32(104), inner_ipv4(), TunnelKind::gtpu, 104},
        {"gtpu sequence", outer_udp(2152).u16(0x32ff).u16(50).u32(105).u16(1).u16(0), inner_ipv6(),
         TunnelKind::gtpu, 105},
        {"gtpu extensions",
         outer_udp(2152).u16(0x34ff).u16(50).u32(106).u32(0x85).u32(0x01000085).u16(0x0200).u32(0).u16(0),
         inner_ipv4(), TunnelKind::gtpu, 106},
        {"l2tpv2", outer_udp(1701).u16(0x4802).u16(0).u16(3).u16(4).u32(0).u16(0xff03).u16(0x21),
         inner_ipv4(), TunnelKind::l2tp, 3 << 16 | 4},
        {"l2tpv3", outer().protocol(115).u32(107), inner_ethernet(), TunnelKind::l2tp, 107},
        {"l2tpv3 cookie", outer().protocol(115).u32(108).u32(1).u32(2), inner_ethernet(), TunnelKind::l2tp,
         108},
        {"l2tpv3 udp", outer_udp(1701).u16(3).u16(0).u32(109), inner_ethernet(), TunnelKind::l2tp, 109},
        {"ipip in gre", outer().protocol(47).u16(0).u16(0x0800),
         PacketBuilder().ipv4("172.16.0.1", "172.16.0.2").protocol(4).payload(text_of(inner_ipv4())).bytes(),
         TunnelKind::ipip, 0, 2},
    };
}

std::vector<Case> all_cases() {
    std::vector<Case> cases = link_cases();
    for (const auto& more : {gre_cases(), other_cases()}) cases.insert(cases.end(), more.begin(), more.end());
    return cases;
}

std::vector<std::uint8_t> frame_of(const Case& one) {
    PacketBuilder builder = one.head;
    return builder.payload(text_of(one.inner)).bytes();  // no length to fill in where there is no outer IP
}

bool is_innermost(const Packet& packet) {
    return packet.key.protocol == protocol_tcp && packet.key.port_a + packet.key.port_b == 4080;
}

TEST(ParseTunnel, EachIsEntered) {
    for (const Case& one : all_cases()) {
        SCOPED_TRACE(one.name);
        const OwnedFrame frame(frame_of(one));
        const auto [outcome, packet] = parse(frame);
        ASSERT_FALSE(outcome.has_value()) << static_cast<int>(*outcome);
        ASSERT_TRUE(is_innermost(packet)) << int{packet.key.protocol};
        EXPECT_EQ(packet.ttl, 33);
        EXPECT_EQ(packet.payload_length, 14u);
        EXPECT_EQ(packet.tunnel, one.kind);
        EXPECT_EQ(packet.tunnel_id, one.id);
        EXPECT_EQ(packet.tunnel_depth, one.depth);
        EXPECT_EQ(packet.outer != nullptr, one.depth > 0);
        EXPECT_EQ(packet.flags & (packet_plain | packet_inner_undecoded), 0);
        EXPECT_NE(packet.flags & packet_tunnelled, 0);
        if (packet.key.family == 4) {
            EXPECT_EQ(packet.ip_id, 77);
            EXPECT_EQ(packet.ip_bytes, 54u);
        }
    }
}

TEST(ParseTunnel, OuterAddressesAreThoseOfTheInnermostTunnel) {
    const auto cases = other_cases();
    const OwnedFrame nested(frame_of(cases.back()));
    const auto [outcome, packet] = parse(nested);
    ASSERT_FALSE(outcome.has_value());
    ASSERT_EQ(packet.outer_family, 4);
    EXPECT_EQ(packet.outer[0], 172);
    EXPECT_EQ(packet.outer[7], 2);
}

TEST(ParseTunnel, OnlyWhatTheSettingsNameIsEntered) {
    for (const auto& cases : {gre_cases(), other_cases()}) {
        for (const Case& one : cases) {
            SCOPED_TRACE(one.name);
            const OwnedFrame frame(frame_of(one));
            ParseSettings without;
            without.tunnels = static_cast<std::uint16_t>(~tunnel_bit(one.kind));
            const ParseSettings shallow{.tunnel_depth = static_cast<std::uint8_t>(one.depth - 1)};
            for (const ParseSettings& settings : {without, shallow}) {
                const auto [outcome, packet] = parse(frame, settings);
                ASSERT_FALSE(outcome.has_value());
                EXPECT_FALSE(is_innermost(packet));
                EXPECT_EQ(packet.flags & packet_inner_undecoded, 0);  // nobody wanted it decoded
            }
        }
    }
}

TEST(ParseTunnel, WhatIsNotIpCountsInTheOuterFlow) {
    for (const Case& one : {gre_cases()[3], other_cases()[4], other_cases()[7], other_cases()[13]}) {
        SCOPED_TRACE(one.name);
        Case arp = one;
        arp.inner = PacketBuilder().ethernet().ethertype(0x0806).payload(std::string(28, 'a')).bytes();
        const OwnedFrame frame(frame_of(arp));
        const auto [outcome, packet] = parse(frame);
        ASSERT_FALSE(outcome.has_value());
        EXPECT_FALSE(is_innermost(packet));
        EXPECT_NE(packet.flags & packet_inner_undecoded, 0);
        EXPECT_EQ(packet.flags & packet_tunnelled, 0);
        EXPECT_EQ(packet.ttl, 64);
    }
}

TEST(ParseTunnel, MessagesOfTheTunnelItselfAreOrdinaryPackets) {
    for (const auto& builder :
         {outer_udp(2152).u16(0x3201).u16(4).u32(0).u32(0), outer_udp(4789).u32(0).u32(0),
          outer_udp(1701).u16(0xc802).u16(12).u32(0).u32(0), outer().protocol(115).u32(0).u32(0),
          outer().protocol(47).u16(0x2081).u16(0x880b).u16(0).u16(6).u32(2)}) {
        const OwnedFrame frame(builder.bytes());
        const auto [outcome, packet] = parse(frame);
        ASSERT_FALSE(outcome.has_value());
        EXPECT_EQ(packet.flags & (packet_inner_undecoded | packet_tunnelled), 0);
    }
}

TEST(ParseTunnel, FragmentsOfTunnelsAreNotEntered) {
    const auto builder = PacketBuilder()
                             .ethernet()
                             .ipv4(outer_source, outer_destination, {.fragment = 0x2000})
                             .protocol(4)
                             .payload(text_of(inner_ipv4()));
    const OwnedFrame frame(builder.bytes());
    const auto [outcome, packet] = parse(frame);
    ASSERT_FALSE(outcome.has_value());
    EXPECT_EQ(packet.key.protocol, 4);
    EXPECT_NE(packet.flags & packet_inner_undecoded, 0);
}

// Wherever the snapshot length or the frame itself ends: the inner flow, the outer flow, or an outcome.
TEST(ParseTunnel, CutAtEveryByte) {
    for (const Case& one : all_cases()) {
        SCOPED_TRACE(one.name);
        const auto whole = frame_of(one);
        for (std::size_t length = 0; length < whole.size(); ++length) {
            const std::vector<std::uint8_t> exact(whole.begin(),
                                                  whole.begin() + static_cast<std::ptrdiff_t>(length));
            OwnedFrame frame(exact);
            const auto cut = parse(frame);  // as if it had been no longer on the wire
            EXPECT_TRUE(cut.outcome.has_value() || cut.packet.payload_captured <= length);
            frame.frame.wire_length = static_cast<std::uint32_t>(whole.size());
            const auto [outcome, packet] = parse(frame);
            if (outcome) {
                EXPECT_LT(length, 14u + 40 + 40);
                continue;
            }
            if (one.depth > 0 && !is_innermost(packet)) {
                EXPECT_NE(packet.flags & packet_inner_undecoded, 0) << length;
            }
            if (packet.payload_captured != 0) {
                ASSERT_GE(packet.payload, frame.frame.data);
                ASSERT_LE(packet.payload + packet.payload_captured, frame.frame.data + length);
            }
        }
    }
}

TEST(ParseTunnel, AnyBytesAreSafe) {
    std::mt19937_64 random(11);
    const auto cases = all_cases();
    for (int round = 0; round < 200'000; ++round) {
        auto bytes = frame_of(cases[random() % cases.size()]);
        for (unsigned changes = random() % 5; changes > 0; --changes)
            bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
        if (random() % 2 == 0) bytes.resize(random() % (bytes.size() + 1));
        const std::vector<std::uint8_t> exact(bytes.begin(), bytes.end());
        OwnedFrame frame(exact);
        frame.frame.wire_length += static_cast<std::uint32_t>(random() % 3 * 20);
        const auto [outcome, packet] = parse(frame);
        if (outcome || packet.payload_captured == 0) continue;
        ASSERT_GE(packet.payload, frame.frame.data);
        ASSERT_LE(packet.payload + packet.payload_captured, frame.frame.data + frame.frame.captured_length);
    }
}

TEST(ParseTunnel, NestingIsBounded) {
    PacketBuilder ipip = outer();
    for (int i = 0; i < 6; ++i) {
        PacketBuilder within = PacketBuilder().ipv4("172.16.0.1", "172.16.0.2").protocol(4);
        ipip.protocol(4).payload(text_of(within.bytes()));
    }
    // Total lengths of the inner headers end where they do: give each the rest of the frame (0: offload).
    auto bytes = ipip.bytes();
    for (std::size_t at = 14 + 20; at + 20 <= bytes.size(); at += 20) {
        const auto rest = bytes.size() - at;
        bytes[at + 2] = static_cast<std::uint8_t>(rest >> 8);
        bytes[at + 3] = static_cast<std::uint8_t>(rest);
    }
    const OwnedFrame frame(bytes);
    const auto four = parse(frame);
    ASSERT_FALSE(four.outcome.has_value());
    EXPECT_EQ(four.packet.tunnel_depth, 4);
    const auto none = parse(frame, {.tunnel_depth = 0});
    EXPECT_EQ(none.packet.flags & packet_tunnelled, 0);
    PacketBuilder labels = PacketBuilder().ethernet().ethertype(0x8847);
    for (int i = 0; i < 30; ++i) labels.u32(label(1, false));
    EXPECT_EQ(parse(OwnedFrame(labels.bytes())).outcome, api::Outcome::malformed_ethernet);
    PacketBuilder wires = PacketBuilder().ethernet().ethertype(0x8847);
    for (int i = 0; i < 2000; ++i) wires.u32(label(1, true)).payload(std::string(12, '\x02')).u16(0x8847);
    EXPECT_EQ(parse(OwnedFrame(wires.bytes())).outcome, api::Outcome::non_ip);
}

TEST(ParseTunnel, SctpHasPorts) {
    const OwnedFrame frame(
        outer().protocol(protocol_sctp).u16(1000).u16(2905).u32(1).u32(2).payload("chunk").bytes());
    const auto [outcome, packet] = parse(frame);
    ASSERT_FALSE(outcome.has_value());
    EXPECT_EQ(packet.key.port_a, 1000);
    EXPECT_EQ(packet.key.port_b, 2905);
    EXPECT_EQ(packet.payload_length, 5u);
    EXPECT_EQ(packet.flags & packet_plain, 0);
}

TEST(ParseTunnel, LinkTypesOfPpp) {
    const auto behind = [](PacketBuilder head, rx::LinkType type) {
        const OwnedFrame frame(head.payload(text_of(inner_ipv4())).bytes(), 1, type);
        const auto parsed = parse(frame);
        return !parsed.outcome && is_innermost(parsed.packet);
    };
    EXPECT_TRUE(behind(PacketBuilder().u16(0xff03).u16(0x0021), rx::LinkType::ppp));
    EXPECT_TRUE(behind(PacketBuilder().u16(0x0021), rx::LinkType::ppp));
    EXPECT_TRUE(behind(PacketBuilder().u16(0xff03).u16(0x0021), rx::LinkType::ppp_hdlc));
    EXPECT_TRUE(behind(PacketBuilder().u16(0x0f00).u16(0x0800), rx::LinkType::ppp_hdlc));
    EXPECT_TRUE(behind(PacketBuilder().u16(0x0f00).u16(0x0800), rx::LinkType::c_hdlc));
    EXPECT_TRUE(behind(PacketBuilder().u16(0x1100).u16(1).u16(56).u16(0x0021), rx::LinkType::ppp_ether));
}

TEST(ParseQuoted, GivesTheKeyOfThePacketThatTheErrorIsAbout) {
    const OwnedFrame sent(PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.9").tcp(4000, 80).bytes());
    const Parsed about = parse(sent);
    auto quote = PacketBuilder().ipv4("10.0.0.1", "10.0.0.9").tcp(4000, 80).bytes();
    for (const std::size_t quoted_bytes : {std::size_t{28}, quote.size()}) {
        quote.resize(quoted_bytes);
        const OwnedFrame message(PacketBuilder()
                                     .ethernet()
                                     .ipv4("10.0.0.254", "10.0.0.1")
                                     .icmp(3, 13)
                                     .payload(text_of(quote))
                                     .bytes());
        const Parsed error = parse(message);
        ASSERT_FALSE(error.outcome.has_value());
        ASSERT_NE(error.packet.flags & packet_icmp_error, 0);
        Packet quoted;
        ASSERT_TRUE(parse_quoted(error.packet, {}, hash, quoted));
        EXPECT_TRUE(quoted.key == about.packet.key);
        EXPECT_EQ(quoted.icmp_error, 3 << 8 | 13);
        EXPECT_EQ(quoted.flags, packet_quoted);
    }
}

TEST(ParseQuoted, NothingWhereTheQuoteIsTooShort) {
    const auto quote = PacketBuilder().ipv6("2001:db8::1", "2001:db8::2").udp(53, 54).bytes();
    for (std::size_t length = 0; length <= quote.size(); ++length) {
        const auto part = text_of(quote).substr(0, length);
        const OwnedFrame message(PacketBuilder()
                                     .ethernet()
                                     .ipv6("2001:db8::fe", "2001:db8::1")
                                     .icmp(1, 4, 0, protocol_icmpv6)
                                     .payload(part)
                                     .bytes());
        const Parsed error = parse(message);
        ASSERT_FALSE(error.outcome.has_value());
        Packet quoted;
        EXPECT_EQ(parse_quoted(error.packet, {}, hash, quoted), length == quote.size()) << length;
    }
}

}  // namespace
}  // namespace picket::parse
