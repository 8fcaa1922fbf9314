#include "dataplane/rx/rss.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace picket::rx {
namespace {

using Bytes = std::vector<std::uint8_t>;

struct Endpoint {
    std::string address;
    std::uint16_t port;
};

Bytes address_bytes(const std::string& text) {
    Bytes bytes(text.find(':') == std::string::npos ? 4 : 16);
    EXPECT_EQ(inet_pton(bytes.size() == 4 ? AF_INET : AF_INET6, text.c_str(), bytes.data()), 1) << text;
    return bytes;
}

void append(Bytes& to, const Bytes& more) {
    to.insert(to.end(), more.begin(), more.end());
}

void append_16(Bytes& to, std::uint16_t value) {
    to.push_back(static_cast<std::uint8_t>(value >> 8));
    to.push_back(static_cast<std::uint8_t>(value & 255));
}

Bytes tuple(const Endpoint& source, const Endpoint& destination, bool with_ports) {
    Bytes bytes = address_bytes(source.address);
    append(bytes, address_bytes(destination.address));
    if (with_ports) {
        append_16(bytes, source.port);
        append_16(bytes, destination.port);
    }
    return bytes;
}

// An IP packet with 8 bytes after its header, which begin with the ports.
Bytes ip_packet(const Endpoint& source, const Endpoint& destination, std::uint8_t protocol) {
    Bytes packet;
    if (source.address.find(':') == std::string::npos) {
        packet = {0x45, 0, 0, 28, 0, 0, 0, 0, 64, protocol, 0, 0};
    } else {
        packet = {0x60, 0, 0, 0, 0, 8, protocol, 64};
    }
    append(packet, tuple(source, destination, true));
    packet.insert(packet.end(), 4, 0);
    return packet;
}

Bytes ethernet(const Bytes& packet, const std::vector<std::uint16_t>& tags = {}) {
    Bytes frame(12, 2);
    for (const std::uint16_t tag : tags) {
        append_16(frame, tag);
        append_16(frame, 7);
    }
    append_16(frame, packet[0] >> 4 == 4 ? 0x0800 : 0x86dd);
    append(frame, packet);
    return frame;
}

std::uint32_t hash_of(const Bytes& bytes, RssModel model, LinkType link_type = LinkType::ethernet) {
    const auto length = static_cast<std::uint32_t>(bytes.size());
    return rss_hash(
        {.data = bytes.data(), .captured_length = length, .wire_length = length, .link_type = link_type},
        model);
}

// Microsoft, "Verifying the RSS Hash Calculation": destination, source, hash of addresses, hash with ports.
struct KnownVector {
    Endpoint destination;
    Endpoint source;
    std::uint32_t two_tuple;
    std::uint32_t four_tuple;
};

const KnownVector known_vectors[] = {
    {{"161.142.100.80", 1766}, {"66.9.149.187", 2794}, 0x323e8fc2, 0x51ccc178},
    {{"65.69.140.83", 4739}, {"199.92.111.2", 14230}, 0xd718262a, 0xc626b0ea},
    {{"12.22.207.184", 38024}, {"24.19.198.95", 12898}, 0xd2d0a5de, 0x5c2b394a},
    {{"209.142.163.6", 2217}, {"38.27.205.30", 48228}, 0x82989176, 0xafc7327f},
    {{"202.188.127.2", 1303}, {"153.39.163.191", 44251}, 0x5d1809c5, 0x10e828a2},
    {{"3ffe:2501:200:3::1", 1766}, {"3ffe:2501:200:1fff::7", 2794}, 0x2cc18cd5, 0x40207d3d},
    {{"ff02::1", 4739}, {"3ffe:501:8::260:97ff:fe40:efab", 14230}, 0x0f0c461c, 0xdde51bbf},
    {{"fe80::200:f8ff:fe21:67cf", 38024},
     {"3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251},
     0x4b61e985,
     0x02d1feef},
};

TEST(Rss, AgreesWithMicrosoftsVerificationSuite) {
    for (const KnownVector& vector : known_vectors) {
        SCOPED_TRACE(vector.source.address);
        EXPECT_EQ(toeplitz_hash(tuple(vector.source, vector.destination, false), microsoft_key),
                  vector.two_tuple);
        EXPECT_EQ(toeplitz_hash(tuple(vector.source, vector.destination, true), microsoft_key),
                  vector.four_tuple);
        const Bytes tcp = ip_packet(vector.source, vector.destination, 6);
        const Bytes icmp = ip_packet(vector.source, vector.destination, 1);
        EXPECT_EQ(hash_of(ethernet(tcp), RssModel::none), vector.four_tuple);
        EXPECT_EQ(hash_of(ethernet(icmp), RssModel::none), vector.two_tuple);
    }
}

TEST(Rss, SymmetricKeyHashesBothDirectionsEqual) {
    for (const KnownVector& vector : known_vectors) {
        SCOPED_TRACE(vector.source.address);
        for (const bool ports : {false, true}) {
            const std::uint32_t there =
                toeplitz_hash(tuple(vector.source, vector.destination, ports), symmetric_key);
            const std::uint32_t back =
                toeplitz_hash(tuple(vector.destination, vector.source, ports), symmetric_key);
            EXPECT_EQ(there, back);
        }
        for (const std::uint8_t protocol : {6, 17, 1}) {
            const Bytes there = ethernet(ip_packet(vector.source, vector.destination, protocol));
            const Bytes back = ethernet(ip_packet(vector.destination, vector.source, protocol));
            EXPECT_EQ(hash_of(there, RssModel::symmetric), hash_of(back, RssModel::symmetric));
            EXPECT_EQ(hash_of(there, RssModel::two_tuple), hash_of(back, RssModel::two_tuple));
        }
    }
}

TEST(Rss, SymmetricKeyWorksInEveryKeyLength) {
    const Bytes there = tuple(known_vectors[5].source, known_vectors[5].destination, true);
    const Bytes back = tuple(known_vectors[5].destination, known_vectors[5].source, true);
    const std::span<const std::uint8_t> key(symmetric_key);
    EXPECT_EQ(toeplitz_hash(there, key.first(40)), toeplitz_hash(back, key.first(40)));
    EXPECT_EQ(toeplitz_hash(there, key.first(40)), toeplitz_hash(there, key));
}

TEST(Rss, WithoutASymmetricHashDirectionsPart) {
    constexpr std::uint16_t queues = 2;
    std::size_t apart = 0;
    for (std::uint16_t port = 1024; port < 2024; ++port) {
        const Endpoint client{"10.1.2.3", port};
        const Endpoint server{"192.0.2.7", 80};
        const std::uint32_t there = hash_of(ethernet(ip_packet(client, server, 6)), RssModel::none);
        const std::uint32_t back = hash_of(ethernet(ip_packet(server, client, 6)), RssModel::none);
        apart += queue_of(there, queues) != queue_of(back, queues) ? 1U : 0U;
    }
    EXPECT_GT(apart, 200U);
}

TEST(Rss, TwoTupleIgnoresPorts) {
    const Bytes one = ethernet(ip_packet({"10.1.2.3", 1}, {"10.9.9.9", 2}, 17));
    const Bytes other = ethernet(ip_packet({"10.1.2.3", 7}, {"10.9.9.9", 9}, 17));
    EXPECT_EQ(hash_of(one, RssModel::two_tuple), hash_of(other, RssModel::two_tuple));
    EXPECT_NE(hash_of(one, RssModel::symmetric), hash_of(other, RssModel::symmetric));
}

TEST(Rss, FragmentsHashByAddressesOnly) {
    for (const std::uint8_t flags : {0x20, 0x00}) {
        Bytes packet = ip_packet({"10.1.2.3", 1}, {"10.9.9.9", 2}, 17);
        packet[6] = flags;
        packet[7] = flags == 0 ? 185 : 0;
        EXPECT_EQ(hash_of(ethernet(packet), RssModel::symmetric),
                  hash_of(ethernet(packet), RssModel::two_tuple));
    }
    Bytes not_fragmented = ip_packet({"10.1.2.3", 1}, {"10.9.9.9", 2}, 17);
    not_fragmented[6] = 0x40;
    EXPECT_NE(hash_of(ethernet(not_fragmented), RssModel::symmetric),
              hash_of(ethernet(not_fragmented), RssModel::two_tuple));
    const Bytes ipv6 = ip_packet({"fe80::1", 1}, {"fe80::2", 2}, 44);
    EXPECT_EQ(hash_of(ethernet(ipv6), RssModel::symmetric), hash_of(ethernet(ipv6), RssModel::two_tuple));
}

TEST(Rss, LooksBehindTwoVlanTagsAndRawIp) {
    const Bytes packet = ip_packet({"10.1.2.3", 1}, {"10.9.9.9", 2}, 17);
    const std::uint32_t plain = hash_of(ethernet(packet), RssModel::symmetric);
    EXPECT_NE(plain, 0U);
    EXPECT_EQ(hash_of(ethernet(packet, {0x8100}), RssModel::symmetric), plain);
    EXPECT_EQ(hash_of(ethernet(packet, {0x88a8, 0x8100}), RssModel::symmetric), plain);
    EXPECT_EQ(hash_of(ethernet(packet, {0x88a8, 0x8100, 0x8100}), RssModel::symmetric), 0U);
    EXPECT_EQ(hash_of(packet, RssModel::symmetric, LinkType::raw_ip), plain);
    EXPECT_EQ(hash_of(packet, RssModel::symmetric, LinkType::linux_sll), 0U);
}

TEST(Rss, WhatIsNotIpIsQueueZero) {
    Bytes arp(60, 0);
    arp[12] = 8;
    arp[13] = 6;
    EXPECT_EQ(hash_of(arp, RssModel::symmetric), 0U);
    EXPECT_EQ(queue_of(0, 7), 0);
}

TEST(Rss, SurvivesEveryCutAndEveryByte) {
    std::mt19937 random(20030819);
    const Bytes frames[] = {ethernet(ip_packet({"10.1.2.3", 1}, {"10.9.9.9", 2}, 17), {0x8100}),
                            ethernet(ip_packet({"fe80::1", 1}, {"fe80::2", 2}, 6))};
    for (const Bytes& frame : frames) {
        for (std::size_t length = 0; length <= frame.size(); ++length) {
            // Its own allocation, so that a sanitizer sees one byte too far.
            Bytes cut(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(length));
            for (const RssModel model : {RssModel::symmetric, RssModel::two_tuple, RssModel::none}) {
                static_cast<void>(hash_of(cut, model));
                for (int flip = 0; flip < 20 && length > 0; ++flip) {
                    cut[random() % length] = static_cast<std::uint8_t>(random());
                    static_cast<void>(hash_of(cut, model));
                }
            }
        }
    }
}

TEST(Rss, TableSpreadsEvenly) {
    const std::vector<std::uint16_t> table = make_reta(reta_entries_default, 3);
    ASSERT_EQ(table.size(), 128U);
    for (std::uint16_t queue = 0; queue < 3; ++queue) {
        EXPECT_NEAR(static_cast<double>(std::count(table.begin(), table.end(), queue)), 128.0 / 3, 1.0);
    }
    for (std::uint32_t hash = 0; hash < 1000; ++hash) {
        EXPECT_EQ(queue_of(hash, 3), table[hash % 128]);
    }
}

}  // namespace
}  // namespace picket::rx
