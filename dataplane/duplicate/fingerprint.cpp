#include "dataplane/duplicate/fingerprint.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace picket::duplicate {
namespace {

using parse::Packet;

// Packet numbers, sequence numbers and identifiers lie within: of RTP, ESP and DNS at the beginning, of QUIC
// behind at most 21 bytes, of the IP packet in an undecoded VXLAN or GRE payload behind 26 and 46.
constexpr std::size_t digest_bytes = 64;

std::uint64_t payload_digest(const Packet& packet, const flow::KeyedHash& hash) noexcept {
    std::array<std::uint64_t, digest_bytes / 8> words{};
    std::memcpy(words.data(), packet.payload, std::min<std::size_t>(packet.payload_captured, digest_bytes));
    std::uint64_t digest = 0;
    for (std::size_t i = 0; i < words.size(); i += 2) digest = hash(digest ^ words[i], words[i + 1]);
    return digest;
}

Fingerprint of_fragment(const Packet& packet, const flow::KeyedHash& hash) noexcept {
    const std::uint64_t place = packet.fragment.id | std::uint64_t{packet.fragment.offset} << 32 |
                                std::uint64_t{packet.fragment.more} << 48;
    return make_fingerprint(packet, hash(place, 0), has_identification, hash);
}

Fingerprint of_tcp(const Packet& packet, const flow::KeyedHash& hash) noexcept {
    const bool takes_space =
        packet.payload_length != 0 || (packet.tcp_flags & (parse::tcp_syn | parse::tcp_fin)) != 0;
    if (packet.ip_id == 0 && !takes_space) return no_fingerprint;
    return make_fingerprint(packet, 0, packet.ip_id != 0 ? has_identification : 0, hash);
}

}  // namespace

Fingerprint rare_fingerprint(const Packet& packet, const flow::KeyedHash& hash) noexcept {
    if ((packet.flags & parse::packet_quoted) != 0) return no_fingerprint;
    if ((packet.flags & parse::packet_fragment) != 0) return of_fragment(packet, hash);
    const std::uint8_t protocol = packet.key.protocol;
    if (protocol == parse::protocol_tcp) return of_tcp(packet, hash);
    const bool identified = packet.ip_id != 0;
    if (identified && protocol == parse::protocol_udp) {
        return make_fingerprint(packet, 0, has_identification, hash);
    }
    if (!identified && packet.payload_captured == 0) return no_fingerprint;
    const std::uint64_t digest = packet.payload_captured != 0 ? payload_digest(packet, hash) : 0;
    return make_fingerprint(packet, digest, identified ? has_identification : 0, hash);
}

}  // namespace picket::duplicate
