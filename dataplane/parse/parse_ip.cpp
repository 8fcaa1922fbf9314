// IPv4 (RFC 791) and IPv6 with its extension headers (RFC 8200 §4).
#include <algorithm>
#include <cstring>

#include "dataplane/parse/parse_frame.h"

namespace picket::parse {
namespace {

constexpr std::uint8_t next_hop_by_hop = 0;
constexpr std::uint8_t next_fragment = 44;
constexpr std::uint8_t next_authentication = 51;
// RFC 8200 §4.1 lists each header once, destination options twice; more than this is an evasion.
constexpr int extension_headers_max = 12;

// What every NIC hashes by its addresses: whole TCP and UDP packets.
void mark_plain(std::uint8_t protocol, Packet& packet) noexcept {
    if ((protocol == protocol_tcp || protocol == protocol_udp) && (packet.flags & packet_fragment) == 0) {
        packet.flags |= packet_plain;
    }
}

void order_ipv4_key(std::uint32_t source, std::uint32_t destination, Ports ports, Packet& packet) noexcept {
    const std::uint64_t low = std::uint64_t{__builtin_bswap32(source)} << 16 | ports.source;
    const std::uint64_t high = std::uint64_t{__builtin_bswap32(destination)} << 16 | ports.destination;
    packet.side = low > high ? 1 : 0;
    packet.key.address_a = packet.side != 0 ? destination : source;
    packet.key.address_b = packet.side != 0 ? source : destination;
    packet.key.port_a = packet.side != 0 ? ports.destination : ports.source;
    packet.key.port_b = packet.side != 0 ? ports.source : ports.destination;
    packet.key.family = 4;
}

void order_ipv6_key(Ports ports, const flow::KeyedHash& hash, Packet& packet) noexcept {
    const std::uint8_t* source = packet.ipv6;
    const std::uint8_t* destination = packet.ipv6 + 16;
    const int order = std::memcmp(source, destination, 16);
    packet.side = order > 0 || (order == 0 && ports.source > ports.destination) ? 1 : 0;
    const std::uint64_t digest =
        packet.side != 0 ? hash.digest(destination, source) : hash.digest(source, destination);
    packet.key.address_a = static_cast<std::uint32_t>(digest);
    packet.key.address_b = static_cast<std::uint32_t>(digest >> 32);
    packet.key.port_a = packet.side != 0 ? ports.destination : ports.source;
    packet.key.port_b = packet.side != 0 ? ports.source : ports.destination;
    packet.key.family = 6;
}

void note_fragment(ByteCursor data, std::uint32_t length, std::uint32_t id, std::uint16_t offset, bool more,
                   Packet& packet) noexcept {
    packet.flags |= packet_fragment;
    if (offset != 0) packet.flags |= packet_later_fragment;
    packet.fragment.data = data.at();
    packet.fragment.id = id;
    packet.fragment.length = static_cast<std::uint16_t>(std::min<std::uint32_t>(length, 0xffff));
    packet.fragment.captured =
        static_cast<std::uint16_t>(std::min<std::size_t>(data.remaining(), packet.fragment.length));
    packet.fragment.offset = offset;
    packet.fragment.more = more;
}

// Whether a TCP header goes on in the next fragment (RFC 1858 §3): its ports are here.
bool header_goes_on(ByteCursor cursor, std::uint8_t protocol, std::uint32_t length,
                    const Packet& packet) noexcept {
    if ((packet.flags & (packet_fragment | packet_later_fragment)) != packet_fragment) return false;
    if (protocol != protocol_tcp || !packet.fragment.more || cursor.remaining() < 4) return false;
    if (length < 20) return true;
    const std::uint8_t* header = cursor.take(20);
    const std::uint32_t header_length = header == nullptr ? 0 : (header[12] >> 4) * 4u;
    return header_length >= 20 && header_length > length;
}

ParseResult parse_ports(ByteCursor cursor, std::uint8_t protocol, std::uint32_t length, bool cut,
                        Packet& packet, Ports& ports) noexcept {
    if (!header_goes_on(cursor, protocol, length, packet)) {
        return parse_transport(cursor, protocol, length, cut, packet, ports);
    }
    ports.source = cursor.u16();
    ports.destination = cursor.u16();
    return {};
}

struct ExtensionChain {
    std::uint8_t protocol = 0;
    bool later_fragment = false;
    bool bad = false;  // too many headers
};

// Walks the chain until a header that is not an extension; the cursor is left at its first byte.
// total: bytes that followed the IPv6 header on the wire.
ExtensionChain walk_extensions(ByteCursor& cursor, std::uint8_t next, std::uint32_t total,
                               Packet& packet) noexcept {
    const std::size_t before = cursor.remaining();
    ExtensionChain chain;
    for (int headers = 0;; ++headers) {
        chain.protocol = next;
        if (chain.later_fragment || cursor.failed()) return chain;
        if (std::ranges::find(extension_headers, next) == extension_headers.end()) return chain;
        if (headers == extension_headers_max) {
            chain.bad = true;
            return chain;
        }
        const std::uint8_t header = next;
        next = cursor.u8();
        const std::uint8_t length = cursor.u8();
        if (header == next_fragment) {
            const std::uint16_t offset_and_more = cursor.u16();
            const std::uint32_t id = cursor.u32();
            // An atomic fragment (offset 0, no more) is a whole packet (RFC 6946).
            if ((offset_and_more & 0xfff9) == 0 || cursor.failed()) continue;
            const std::uint16_t offset = offset_and_more & 0xfff8;
            const auto passed = static_cast<std::uint32_t>(before - cursor.remaining());
            note_fragment(cursor, total - passed, id, offset, (offset_and_more & 1) != 0, packet);
            chain.later_fragment = offset != 0;
        } else if (header == next_authentication) {
            cursor.take((std::size_t{length} + 2) * 4 - 2);
        } else {
            cursor.take((std::size_t{length} + 1) * 8 - 2);
        }
    }
}

}  // namespace

ParseResult parse_ipv4(ByteCursor cursor, const LayerContext& context, Packet& packet) noexcept {
    const std::size_t available = cursor.remaining();
    const std::uint8_t* header = cursor.take(20);
    if (header == nullptr) {
        return context.cut != 0 ? api::Outcome::truncated : api::Outcome::malformed_ipv4;
    }
    const std::size_t header_length = std::size_t{header[0] & 0x0fu} * 4;
    std::uint32_t total_length = static_cast<std::uint32_t>(header[2] << 8 | header[3]);
    const std::size_t on_wire = available + context.cut;
    // Segmentation offload leaves the length 0 in packets captured on the sending host.
    if (total_length == 0) total_length = static_cast<std::uint32_t>(on_wire);
    if ((header[0] >> 4) != 4 || header_length < 20 || total_length < header_length ||
        total_length > on_wire) {
        return api::Outcome::malformed_ipv4;
    }
    const bool cut = total_length > available;
    cursor.limit(total_length - 20);  // what follows is Ethernet padding
    if (cursor.take(header_length - 20) == nullptr) return api::Outcome::truncated;

    packet.tos = header[1];
    packet.ip_id = static_cast<std::uint16_t>(header[4] << 8 | header[5]);
    packet.ttl = header[8];
    packet.ip_bytes = total_length;
    packet.key.protocol = header[9];
    Ports ports;
    const auto length = static_cast<std::uint32_t>(total_length - header_length);
    const auto fragment = static_cast<std::uint16_t>(header[6] << 8 | header[7]);
    if ((fragment & 0x3fff) != 0) {
        const auto offset = static_cast<std::uint16_t>(fragment << 3);
        note_fragment(cursor, length, packet.ip_id, offset, (fragment & 0x2000) != 0, packet);
    }
    if (const auto bad = parse_ports(cursor, header[9], length, cut, packet, ports)) return bad;

    std::uint32_t source;
    std::uint32_t destination;
    std::memcpy(&source, header + 12, 4);
    std::memcpy(&destination, header + 16, 4);
    order_ipv4_key(source, destination, ports, packet);
    mark_plain(header[9], packet);
    if (context.settings.vlan_in_key) packet.key.vlan = packet.vlan;
    enter_tunnel({header + 12, 4}, header[9], ports.destination, context, packet);
    return {};
}

ParseResult parse_ipv6(ByteCursor cursor, const LayerContext& context, Packet& packet) noexcept {
    const std::size_t available = cursor.remaining();
    const std::uint8_t* header = cursor.take(40);
    if (header == nullptr) {
        return context.cut != 0 ? api::Outcome::truncated : api::Outcome::malformed_ipv6;
    }
    std::uint32_t payload_length = static_cast<std::uint32_t>(header[4] << 8 | header[5]);
    const std::size_t on_wire = available + context.cut;
    // Jumbograms (RFC 2675) and segmentation offload leave the length 0; else 0 means that nothing follows.
    if (payload_length == 0 && (header[6] == next_hop_by_hop || header[6] == protocol_tcp)) {
        payload_length = static_cast<std::uint32_t>(on_wire - 40);
    }
    if ((header[0] >> 4) != 6 || payload_length + 40 > on_wire) return api::Outcome::malformed_ipv6;
    const bool cut = payload_length + 40 > available;
    cursor.limit(payload_length);
    const std::size_t before = cursor.remaining();

    const ExtensionChain chain = walk_extensions(cursor, header[6], payload_length, packet);
    if (chain.bad) return api::Outcome::ipv6_extensions;
    if (cursor.failed()) return cut ? api::Outcome::truncated : api::Outcome::ipv6_extensions;
    if ((packet.flags & packet_fragment) != 0) {
        packet.fragment.transport_at = static_cast<std::uint16_t>(cursor.at() - packet.fragment.data);
    }
    packet.tos = static_cast<std::uint8_t>(header[0] << 4 | header[1] >> 4);
    packet.ttl = header[7];
    packet.ip_bytes = payload_length + 40;
    packet.key.protocol = chain.protocol;
    packet.ipv6 = header + 8;
    Ports ports;
    const auto length = static_cast<std::uint32_t>(payload_length - (before - cursor.remaining()));
    if (const auto bad = parse_ports(cursor, chain.protocol, length, cut, packet, ports)) return bad;
    order_ipv6_key(ports, context.hash, packet);
    if (chain.protocol == header[6]) mark_plain(chain.protocol, packet);  // no extension headers
    if (context.settings.vlan_in_key) packet.key.vlan = packet.vlan;
    enter_tunnel({header + 8, 6}, chain.protocol, ports.destination, context, packet);
    return {};
}

}  // namespace picket::parse
