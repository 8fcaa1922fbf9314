// The short way through the parser for what nearly every packet is: untagged Ethernet, IPv4 without options
// or IPv6 without extension headers, whole, TCP or UDP. Everything else is left to parse_frame(), whose
// result for these packets is the same (tests/property compares the two).
//
// PERF: the general parser reads field by field through a cursor and starts from a cleared packet: 46 ns a
// frame. Here one word compare decides on EtherType, version and header length, and TCP and UDP are told
// apart without a branch, since a mix of them cannot be predicted.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "dataplane/parse/packet.h"
#include "dataplane/parse/tunnel_ports.h"
#include "dataplane/rx/frame.h"

namespace picket::parse {

namespace plain {

inline constexpr std::size_t ethernet_bytes = 14;
inline constexpr std::size_t ipv4_bytes = 20;
inline constexpr std::size_t ipv6_bytes = 40;
inline constexpr std::uint32_t tcp_bytes = 20;
inline constexpr std::uint32_t udp_bytes = 8;

static_assert(std::endian::native == std::endian::little, "keys are put together as words");

template <typename Value>
Value load(const std::uint8_t* from) noexcept {
    Value value;
    std::memcpy(&value, from, sizeof value);
    return value;
}
inline std::uint16_t load_be16(const std::uint8_t* from) noexcept {
    return __builtin_bswap16(load<std::uint16_t>(from));
}
inline std::uint32_t load_be32(const std::uint8_t* from) noexcept {
    return __builtin_bswap32(load<std::uint32_t>(from));
}

// The transport header at `header`; length: of the IP payload, all of it at hand. False if the general parser
// must judge. REQUIRES: an IP header before `header`.
inline bool transport(const std::uint8_t* header, std::uint8_t protocol, std::uint32_t length,
                      Packet& packet) noexcept {
    const std::uint32_t tcp_mask = protocol == protocol_tcp ? 0xffffffff : 0;
    const std::uint32_t least = (tcp_bytes & tcp_mask) | (udp_bytes & ~tcp_mask);
    if (length < least) return false;
    // Of UDP bytes before the ports are read in place of TCP's fields, and masked out.
    const std::uint8_t* fields = header - (12 & ~tcp_mask);
    const std::uint32_t header_length = ((fields[12] >> 4) * 4u & tcp_mask) | (udp_bytes & ~tcp_mask);
    const bool tunnel = may_be_tunnel_port(load<std::uint16_t>(header + 2), tcp_mask);
    if ((header_length < least) | (header_length > length) | tunnel) return false;
    packet.tcp_sequence = load_be32(fields + 4) & tcp_mask;
    packet.tcp_acknowledgment = load_be32(fields + 8) & tcp_mask;
    packet.tcp_flags = static_cast<std::uint8_t>(fields[13] & tcp_mask);
    packet.checksum = load_be16(header + 6 + (10 & tcp_mask));
    packet.payload = header + header_length;
    packet.payload_length = length - header_length;
    packet.payload_captured = length - header_length;
    packet.flags = packet_plain;
    return true;
}

// Second word of a key: the ports, whose four bytes are at `header`, the protocol and the family.
inline std::uint64_t ports_word(const std::uint8_t* header, unsigned side, std::uint8_t protocol,
                                std::uint8_t family) noexcept {
    const std::uint32_t ports = load_be32(header);  // source << 16 | destination
    const std::uint32_t ordered = std::rotr(ports, static_cast<int>(16 * (1 - side)));
    return ordered | std::uint64_t{protocol} << 32 | std::uint64_t{family} << 40;
}

// PERF: the key is put together in registers. Written field by field and read back as two words, as the hash
// does, it stops the processor until the stores have left for the cache: 20 cycles a packet.
inline void set_key(std::uint64_t first, std::uint64_t second, const flow::KeyedHash& hash,
                    Packet& packet) noexcept {
    packet.hash = hash(first, second);
    auto* key = reinterpret_cast<std::uint8_t*>(&packet.key);
    std::memcpy(key, &first, sizeof first);
    std::memcpy(key + sizeof first, &second, sizeof second);
}

inline bool ipv4(const std::uint8_t* header, std::size_t available, const flow::KeyedHash& hash,
                 Packet& packet) noexcept {
    const std::uint32_t total_length = load_be16(header + 2);
    const std::uint8_t protocol = header[9];
    constexpr std::uint16_t fragment_mask = 0xff3f;  // more fragments, and the offset, as loaded
    const bool other = ((load<std::uint16_t>(header + 6) & fragment_mask) != 0) |
                       ((protocol != protocol_tcp) & (protocol != protocol_udp)) |
                       (total_length > available) | (total_length < ipv4_bytes);
    const std::uint8_t* next = header + ipv4_bytes;
    if (other || !transport(next, protocol, total_length - std::uint32_t{ipv4_bytes}, packet)) return false;
    const std::uint64_t addresses = load<std::uint64_t>(header + 12);  // as loaded: source, destination << 32
    const std::uint64_t low = std::uint64_t{load_be32(header + 12)} << 16 | load_be16(next);
    const std::uint64_t high = std::uint64_t{load_be32(header + 16)} << 16 | load_be16(next + 2);
    const unsigned side = low > high ? 1 : 0;
    set_key(std::rotl(addresses, static_cast<int>(32 * side)), ports_word(next, side, protocol, 4), hash,
            packet);
    packet.side = static_cast<std::uint8_t>(side);
    packet.ipv6 = nullptr;
    packet.ip_bytes = total_length;
    packet.ip_id = load_be16(header + 4);
    packet.ttl = header[8];
    packet.tos = header[1];
    return true;
}

inline bool ipv6(const std::uint8_t* header, std::size_t available, const flow::KeyedHash& hash,
                 Packet& packet) noexcept {
    const std::uint32_t payload_length = load_be16(header + 4);
    const std::uint8_t protocol = header[6];
    const bool other = ((protocol != protocol_tcp) & (protocol != protocol_udp)) | (payload_length == 0) |
                       (payload_length + ipv6_bytes > available);
    const std::uint8_t* next = header + ipv6_bytes;
    if (other || !transport(next, protocol, payload_length, packet)) return false;
    const std::uint8_t* source = header + 8;
    const std::uint8_t* destination = header + 24;
    const auto high = [](const std::uint8_t* from) { return __builtin_bswap64(load<std::uint64_t>(from)); };
    const std::uint64_t source_high = high(source);
    const std::uint64_t source_low = high(source + 8);
    const std::uint64_t destination_high = high(destination);
    const std::uint64_t destination_low = high(destination + 8);
    const bool equal = (source_high == destination_high) & (source_low == destination_low);
    const bool above = (source_high > destination_high) |
                       ((source_high == destination_high) & (source_low > destination_low)) |
                       (equal & (load_be16(next) > load_be16(next + 2)));
    const unsigned side = above ? 1 : 0;
    const std::uint64_t digest = hash.digest(source + 16 * side, destination - 16 * side);
    set_key(digest, ports_word(next, side, protocol, 6), hash, packet);
    packet.side = static_cast<std::uint8_t>(side);
    packet.ipv6 = source;
    packet.ip_bytes = payload_length + std::uint32_t{ipv6_bytes};
    packet.ip_id = 0;
    packet.ttl = header[7];
    packet.tos = static_cast<std::uint8_t>(header[0] << 4 | header[1] >> 4);
    return true;
}

}  // namespace plain

// True if the frame was such a packet: every field of `packet`, whatever it was, is set, its hash too.
// False: nothing of `packet` is defined, parse_frame() must judge.
[[nodiscard]] inline bool parse_plain(const rx::Frame& frame, const flow::KeyedHash& hash,
                                      Packet& packet) noexcept {
    constexpr std::size_t least_ipv4 = plain::ethernet_bytes + plain::ipv4_bytes + plain::udp_bytes;
    constexpr std::size_t least_ipv6 = plain::ethernet_bytes + plain::ipv6_bytes + plain::udp_bytes;
    if (frame.link_type != rx::LinkType::ethernet || frame.captured_length < least_ipv4) return false;
    const std::size_t available = frame.captured_length - plain::ethernet_bytes;
    const std::uint8_t* header = frame.data + plain::ethernet_bytes;
    const std::uint32_t start = plain::load<std::uint32_t>(frame.data + 12);
    bool known = false;
    if ((start & 0x00ffffff) == 0x00450008) {  // 08 00 45 in the frame
        known = plain::ipv4(header, available, hash, packet);
    } else if ((start & 0x00f0ffff) == 0x0060dd86 && frame.captured_length >= least_ipv6) {  // 86 dd 6.
        known = plain::ipv6(header, available, hash, packet);
    }
    if (!known) return false;
    packet.time_ns = frame.time_ns;
    packet.sequence = frame.sequence;
    packet.port = frame.port;
    packet.vlan = 0;
    packet.vlan_inner = 0;
    return true;
}

}  // namespace picket::parse
