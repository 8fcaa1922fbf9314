// What two copies of a packet have in common, as one word.
//
// A span port copies a packet where it comes in and where it goes out, behind the next router, or inside of a
// tunnel: MAC addresses, tags, TTL, TOS, ingress port and outer headers may differ. The innermost key, the IP
// identification, the length, TCP's numbers and the transport's checksum do not. A retransmission of a
// stack that counts its packets has an identification of its own.
//
// Packets without an identification (IPv4 with 0, IPv6) are told apart by what they carry, and only if they
// carry something: identical bare acknowledgments are no copies. RFC 6864 §4.1 allows any identification in
// atomic datagrams; a stack that writes the same one into all of them, and the same segment twice within the
// window, is taken for two copies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "dataplane/flow/flow_key.h"
#include "dataplane/parse/packet.h"

namespace picket::duplicate {

// 0: the packet cannot be told from others like it. Bit 0 is set in all others, and bit 1 where the packet
// has an identification (the longer window holds). The rest is a keyed hash, so that nobody aims at a line.
using Fingerprint = std::uint64_t;
inline constexpr Fingerprint no_fingerprint = 0;
inline constexpr Fingerprint is_fingerprint = 1;
inline constexpr Fingerprint has_identification = 2;

// The long way: fragments, packets without identification, protocols without a checksum of their own.
[[nodiscard]] Fingerprint rare_fingerprint(const parse::Packet& packet, const flow::KeyedHash& hash) noexcept;

// The fields that all packets have: length and TCP's sequence number, TCP's acknowledgment, identification
// and checksum. TCP's flags are under its checksum, and so are sides, but for their order.
//
// PERF: two loads in place of seven and the shifts between them.
struct PacketWords {
    std::uint64_t low;
    std::uint64_t high;
};
static_assert(offsetof(parse::Packet, ip_bytes) + 4 == offsetof(parse::Packet, tcp_sequence) &&
                  offsetof(parse::Packet, tcp_acknowledgment) + 4 == offsetof(parse::Packet, ip_id) &&
                  offsetof(parse::Packet, ip_id) + 2 == offsetof(parse::Packet, checksum) &&
                  sizeof(parse::Packet::checksum) == 2,
              "PacketWords are these fields");

[[nodiscard]] inline PacketWords words_of(const parse::Packet& packet) noexcept {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&packet);
    PacketWords words;
    std::memcpy(&words.low, bytes + offsetof(parse::Packet, ip_bytes), sizeof words.low);
    std::memcpy(&words.high, bytes + offsetof(parse::Packet, tcp_acknowledgment), sizeof words.high);
    words.low |= std::uint64_t{packet.side} << 31;  // no packet is as long
    return words;
}

// more: what else tells the packet from others of its flow; 0 if nothing does.
[[nodiscard]] inline Fingerprint make_fingerprint(const parse::Packet& packet, std::uint64_t more,
                                                  Fingerprint identified,
                                                  const flow::KeyedHash& hash) noexcept {
    const PacketWords words = words_of(packet);
    constexpr Fingerprint marks = is_fingerprint | has_identification;
    return (hash.mix(packet.hash ^ more ^ words.low, words.high) & ~marks) | is_fingerprint | identified;
}

// REQUIRES: packet.hash is set. The result is the same whatever wraps the packet.
[[nodiscard]] inline Fingerprint fingerprint_of(const parse::Packet& packet,
                                                const flow::KeyedHash& hash) noexcept {
    const bool common = ((packet.flags & parse::packet_plain) != 0) & (packet.ip_id != 0);
    if (!common) [[unlikely]]
        return rare_fingerprint(packet, hash);
    return make_fingerprint(packet, 0, has_identification, hash);
}

}  // namespace picket::duplicate
