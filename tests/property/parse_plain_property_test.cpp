// The short way through the parser says the same as the long one of every packet that it takes.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "dataplane/parse/parse_frame.h"
#include "dataplane/parse/parse_plain.h"
#include "tests/support/packet_builder.h"

namespace picket::parse {
namespace {

using testing::OwnedFrame;
using testing::PacketBuilder;

const flow::KeyedHash hash{{0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb, 0x2545f4914f6cdd1d}};

void expect_same(const Packet& plain, const Packet& whole) {
    EXPECT_TRUE(plain.key == whole.key);
    EXPECT_EQ(plain.time_ns, whole.time_ns);
    EXPECT_EQ(plain.sequence, whole.sequence);
    EXPECT_EQ(plain.ipv6, whole.ipv6);
    EXPECT_EQ(plain.payload, whole.payload);
    EXPECT_EQ(plain.payload_captured, whole.payload_captured);
    EXPECT_EQ(plain.payload_length, whole.payload_length);
    EXPECT_EQ(plain.ip_bytes, whole.ip_bytes);
    EXPECT_EQ(plain.tcp_sequence, whole.tcp_sequence);
    EXPECT_EQ(plain.tcp_acknowledgment, whole.tcp_acknowledgment);
    EXPECT_EQ(plain.ip_id, whole.ip_id);
    EXPECT_EQ(plain.vlan, whole.vlan);
    EXPECT_EQ(plain.vlan_inner, whole.vlan_inner);
    EXPECT_EQ(plain.port, whole.port);
    EXPECT_EQ(plain.side, whole.side);
    EXPECT_EQ(plain.ttl, whole.ttl);
    EXPECT_EQ(plain.checksum, whole.checksum);
    EXPECT_EQ(plain.tos, whole.tos);
    EXPECT_EQ(plain.tcp_flags, whole.tcp_flags);
    EXPECT_EQ(plain.flags, whole.flags);
}

std::vector<std::uint8_t> vxlan(std::uint16_t port) {
    const auto inner = PacketBuilder().ethernet().ipv4("10.1.0.1", "10.1.0.2").tcp(4000, 80).bytes();
    return PacketBuilder()
        .ethernet()
        .ipv4("10.0.0.1", "192.0.2.1")
        .udp(5000, port)
        .u32(0x08000000)
        .u32(9 << 8)
        .payload({reinterpret_cast<const char*>(inner.data()), inner.size()})
        .bytes();
}

std::vector<std::vector<std::uint8_t>> seeds() {
    const std::string text(200, 'x');
    return {
        PacketBuilder().ethernet().ipv4("10.0.0.2", "10.0.0.1").tcp(4000, 80).payload(text).bytes(),
        PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.1").tcp(80, 80).payload("short").bytes(),
        PacketBuilder().ethernet().ipv4("10.0.0.2", "192.0.2.1").udp(53, 1024).payload(text).bytes(),
        PacketBuilder().ethernet().ipv6("2001:db8::1", "2001:db8::2").tcp(4000, 80).payload(text).bytes(),
        PacketBuilder().ethernet().ipv6("2001:db8::2", "2001:db8::1").udp(4000, 80).payload("x").bytes(),
        PacketBuilder().ethernet().ipv4("10.0.0.2", "10.0.0.1").udp(4789, 4788).payload(text).bytes(),
        PacketBuilder().ethernet().ipv4("10.0.0.2", "10.0.0.1").tcp(1, 2152).payload(text).bytes(),
        vxlan(4789),
        vxlan(8472),
        vxlan(4788),
        PacketBuilder().ethernet().vlan(7).ethertype(0x0800).ipv4("10.0.0.2", "10.0.0.1").udp(1, 2).bytes(),
    };
}

TEST(ParsePlain, SaysWhatTheGeneralParserSays) {
    std::mt19937 random(3);
    std::size_t taken = 0;
    const auto templates = seeds();
    for (int round = 0; round < 200'000; ++round) {
        auto bytes = templates[random() % templates.size()];
        for (unsigned changes = random() % 4; changes > 0; --changes) {
            // Mostly the headers, where it matters.
            bytes[random() % std::min<std::size_t>(bytes.size(), 80)] = static_cast<std::uint8_t>(random());
        }
        if (random() % 4 == 0) bytes.resize(random() % (bytes.size() + 1));
        if (random() % 4 == 0) bytes.resize(bytes.size() + random() % 20);  // Ethernet padding
        OwnedFrame owned(bytes);
        owned.frame.time_ns = random();
        owned.frame.sequence = random();
        owned.frame.port = static_cast<std::uint16_t>(random() % 4);
        if (random() % 8 == 0) owned.frame.wire_length += random() % 100;
        Packet plain;
        // Whatever was there before.
        std::memset(static_cast<void*>(&plain), static_cast<int>(random() % 256), sizeof plain);
        if (!parse_plain(owned.frame, hash, plain)) continue;
        ++taken;
        Packet whole;
        const ParseSettings settings{random() % 2 == 0};
        // Whatever is entered, what the short way takes is nothing of it.
        ASSERT_EQ(parse_frame(owned.frame, settings, hash, whole), std::nullopt) << "round " << round;
        expect_same(plain, whole);
        EXPECT_EQ(plain.hash, hash(whole.key));
        ASSERT_FALSE(HasFailure()) << "round " << round;
    }
    EXPECT_GT(taken, 50'000u);
}

}  // namespace
}  // namespace picket::parse
