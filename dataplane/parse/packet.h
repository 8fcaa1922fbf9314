// One parsed packet: what the stages after the parser need to know of it. Lives for one burst.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/api/events.h"
#include "dataplane/api/outcomes.h"
#include "dataplane/flow/flow_key.h"

namespace picket::parse {

inline constexpr std::uint8_t protocol_icmp = 1;
inline constexpr std::uint8_t protocol_tcp = 6;
inline constexpr std::uint8_t protocol_udp = 17;
inline constexpr std::uint8_t protocol_icmpv6 = 58;
inline constexpr std::uint8_t protocol_sctp = 132;

// IPv6 extension headers that another header follows (RFC 8200 §4.1, RFC 7045 §4).
inline constexpr std::array<std::uint8_t, 8> extension_headers{0, 43, 44, 51, 60, 135, 139, 140};

// TCP header flags (RFC 9293 §3.1).
inline constexpr std::uint8_t tcp_fin = 0x01;
inline constexpr std::uint8_t tcp_syn = 0x02;
inline constexpr std::uint8_t tcp_rst = 0x04;
inline constexpr std::uint8_t tcp_psh = 0x08;
inline constexpr std::uint8_t tcp_ack = 0x10;

enum PacketFlag : std::uint16_t {
    packet_fragment = 1u << 0,        // any fragment, the first included
    packet_later_fragment = 1u << 1,  // no ports in it
    packet_icmp_reply = 1u << 2,      // echo reply and its kin: the receiver asked
    packet_vlan = 1u << 3,
    packet_plain = 1u << 5,            // TCP or UDP whose addresses every NIC finds
    packet_payload_cut = 1u << 4,      // the capture holds less payload than the packet had
    packet_inner_undecoded = 1u << 6,  // a tunnel that should be entered, and could not
    packet_tunnelled = 1u << 7,        // tunnel and the fields after it are valid
    packet_icmp_error = 1u << 8,       // the payload quotes the packet that the message is about
    packet_quoted = 1u << 9,           // no packet of its own: what an ICMP error quotes
    packet_overlap = 1u << 10,         // a fragment that contradicts others of its datagram
    packet_copy = 1u << 11,            // a span port's copy of a packet that came before
};

// What a fragment (packet_fragment) is of its datagram; of other packets it is undefined.
struct Fragment {
    const std::uint8_t* data = nullptr;  // in the frame: what follows the IP or fragment header
    std::uint32_t id = 0;                // identification: 16 bits of IPv4, 32 of IPv6
    std::uint16_t length = 0;            // bytes that the fragment had
    std::uint16_t captured = 0;          // bytes at data
    std::uint16_t offset = 0;            // of data in the datagram, bytes
    std::uint16_t transport_at = 0;      // of the first fragment: extension headers before the transport's
    bool more = false;                   // it is not the last
};

struct Packet {
    flow::FlowKey key;
    std::uint64_t hash = 0;  // keyed, of key
    std::uint64_t time_ns = 0;
    std::uint64_t sequence = 0;             // rx::Frame::sequence
    const std::uint8_t* ipv6 = nullptr;     // source and destination, 32 bytes in the frame; null for IPv4
    const std::uint8_t* payload = nullptr;  // layer-4 payload
    std::uint32_t payload_captured = 0;     // bytes at payload
    std::uint32_t payload_length = 0;       // bytes that the packet had
    // Told apart by these two words (duplicate/fingerprint.h).
    std::uint32_t ip_bytes = 0;  // total length of the IP packet
    std::uint32_t tcp_sequence = 0;
    std::uint32_t tcp_acknowledgment = 0;
    std::uint16_t ip_id = 0;     // IPv4 identification, 0 for IPv6
    std::uint16_t checksum = 0;  // of TCP, UDP, ICMP, as on the wire; of SCTP folded; else 0
    std::uint16_t vlan = 0;
    std::uint16_t vlan_inner = 0;
    std::uint16_t port = 0;  // ingress port
    std::uint8_t side = 0;   // 0: sent by side a of the key, 1: by side b
    std::uint8_t ttl = 0;
    std::uint8_t tos = 0;
    std::uint8_t tcp_flags = 0;
    std::uint16_t flags = 0;       // PacketFlag
    std::uint16_t icmp_error = 0;  // packet_quoted: type << 8 | code of the message
    // With packet_tunnelled, else undefined. As in api::FlowRecord.
    api::TunnelKind tunnel = api::TunnelKind::none;
    std::uint8_t tunnel_depth = 0;
    std::uint8_t outer_family = 0;  // 4, 6, or 0: no addresses
    std::uint32_t tunnel_id = 0;
    const std::uint8_t* outer = nullptr;  // source and destination in the frame
    Fragment fragment;
};

}  // namespace picket::parse
