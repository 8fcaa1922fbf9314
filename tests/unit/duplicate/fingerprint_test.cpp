// What is the same packet again, and what is another one.
#include "dataplane/duplicate/fingerprint.h"

#include <gtest/gtest.h>

#include <set>

#include "dataplane/parse/parse_plain.h"
#include "tests/support/fragment_harness.h"

namespace picket::duplicate {
namespace {

using testing::Ipv4Fields;
using testing::OwnedFrame;
using testing::PacketBuilder;
using testing::test_hash;

Fingerprint of(const PacketBuilder& builder, const parse::ParseSettings& settings = {}) {
    const OwnedFrame owned(builder.bytes());
    parse::Packet packet;
    if (!parse::parse_plain(owned.frame, test_hash, packet)) {
        EXPECT_FALSE(parse::parse_frame(owned.frame, settings, test_hash, packet));
        packet.hash = test_hash(packet.key);
    }
    return fingerprint_of(packet, test_hash);
}

PacketBuilder segment(Ipv4Fields ip = {}, testing::TcpFields tcp = {}, std::string_view payload = "data") {
    return PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2", ip).tcp(4000, 80, tcp).payload(payload);
}

// The IP packet of a frame, as the contents of another.
std::string ip_packet(const PacketBuilder& builder) {
    const auto bytes = builder.bytes();
    return {bytes.begin() + 14, bytes.end()};
}

TEST(Fingerprint, IsThatOfThePacketBehindARouterATagOrATunnel) {
    const Fingerprint plain = of(segment());
    EXPECT_NE(plain, no_fingerprint);
    EXPECT_EQ(plain & 3, is_fingerprint | has_identification);
    EXPECT_EQ(of(segment({.ttl = 63, .tos = 0x20})), plain);
    const std::string inner = ip_packet(segment({.ttl = 9}));
    const auto tagged = PacketBuilder().ethernet().vlan(7).vlan(8);
    auto vlan = tagged;
    EXPECT_EQ(of(vlan.ipv4("10.0.0.1", "10.0.0.2").tcp(4000, 80).payload("data")), plain);
    auto gre = PacketBuilder().ethernet().ipv4("192.0.2.1", "192.0.2.2", {.id = 900}).protocol(47);
    EXPECT_EQ(of(gre.u16(0).u16(0x0800).payload(inner)), plain);
    // In different VLANs that make different flows it is another packet.
    auto first = PacketBuilder().ethernet().vlan(7);
    auto second = PacketBuilder().ethernet().vlan(8);
    EXPECT_NE(of(first.ipv4("10.0.0.1", "10.0.0.2").tcp(1, 2), {.vlan_in_key = true}),
              of(second.ipv4("10.0.0.1", "10.0.0.2").tcp(1, 2), {.vlan_in_key = true}));
}

TEST(Fingerprint, OtherPacketsHaveOthers) {
    auto other_checksum = segment().bytes();
    other_checksum[14 + 20 + 16] ^= 1;
    const OwnedFrame changed(other_checksum);
    parse::Packet packet;
    ASSERT_TRUE(parse::parse_plain(changed.frame, test_hash, packet));
    const std::set<Fingerprint> all{
        of(segment()),
        of(segment({.id = 2})),
        of(segment({}, {.sequence = 2})),
        of(segment({}, {.acknowledgment = 2})),
        of(segment({}, {}, "longer")),
        of(PacketBuilder().ethernet().ipv4("10.0.0.2", "10.0.0.1").tcp(80, 4000).payload("data")),
        of(PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").tcp(4001, 80).payload("data")),
        of(PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.3").tcp(4000, 80).payload("data")),
        fingerprint_of(packet, test_hash)};
    EXPECT_EQ(all.size(), 9u);
}

// Without identification the same bytes may well be sent again, unless they take sequence space.
TEST(Fingerprint, WithoutIdentificationOnlyOfWhatCarriesSomething) {
    const Fingerprint data = of(segment({.id = 0}));
    EXPECT_EQ(data & 3, is_fingerprint);
    EXPECT_EQ(of(segment({.id = 0}, {}, "")), no_fingerprint);
    EXPECT_EQ(of(segment({.id = 0}, {.flags = parse::tcp_rst}, "")), no_fingerprint);
    EXPECT_NE(of(segment({.id = 0}, {.flags = parse::tcp_syn}, "")), no_fingerprint);
    EXPECT_NE(of(segment({.id = 0}, {.flags = parse::tcp_fin | parse::tcp_ack}, "")), no_fingerprint);
    EXPECT_NE(of(segment({.id = 1}, {}, "")), no_fingerprint);
    const auto ipv6 = [] { return PacketBuilder().ethernet().ipv6("2001:db8::1", "2001:db8::2"); };
    EXPECT_EQ(of(ipv6().tcp(4000, 80)), no_fingerprint);
    EXPECT_EQ(of(ipv6().tcp(4000, 80).payload("data")) & 3, is_fingerprint);
    EXPECT_EQ(of(ipv6().udp(4000, 53)), no_fingerprint);
}

// Checksums of 16 bits, often absent or not yet filled in, do not tell datagrams of one length apart.
TEST(Fingerprint, DatagramsWithoutIdentificationAreToldByTheirPayload) {
    const auto datagram = [](std::string_view payload) {
        return of(PacketBuilder().ethernet().ipv6("2001:db8::1", "2001:db8::2").udp(1, 53).payload(payload));
    };
    EXPECT_EQ(datagram("abcd"), datagram("abcd"));
    EXPECT_NE(datagram("abcd"), datagram("abce"));
    const std::string same(40, 's');
    EXPECT_NE(datagram(same + "1" + std::string(1000, 'x')), datagram(same + "2" + std::string(1000, 'x')));
    const auto esp = [](std::uint16_t id, std::string_view payload) {
        const auto ip = Ipv4Fields{.id = id};
        return of(PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2", ip).protocol(50).payload(payload));
    };
    EXPECT_EQ(esp(1, "sequence 1"), esp(1, "sequence 1"));
    EXPECT_NE(esp(1, "sequence 1"), esp(1, "sequence 2"));
    EXPECT_NE(esp(0, "sequence 1"), esp(0, "sequence 2"));
    EXPECT_EQ(esp(0, ""), no_fingerprint);
}

TEST(Fingerprint, FragmentsAreToldByIdentificationAndPlace) {
    const std::string datagram = testing::udp_datagram(testing::letters(200));
    for (const bool ipv6 : {false, true}) {
        std::set<Fingerprint> all;
        for (const auto& cut : testing::cuts_of(datagram.size(), 64)) {
            for (const std::uint32_t id : {1u, 2u}) {
                const auto fragment = testing::fragment_of(datagram, cut, {.id = id, .ipv6 = ipv6});
                EXPECT_EQ(of(fragment) & 3, is_fingerprint | has_identification);
                EXPECT_EQ(of(fragment), of(fragment));
                all.insert(of(fragment));
            }
        }
        EXPECT_EQ(all.size(), 8u);
    }
}

}  // namespace
}  // namespace picket::duplicate
