// TCP (RFC 9293 §3.1), UDP (RFC 768), SCTP (RFC 9260 §3.1), ICMP (RFC 792) and ICMPv6 (RFC 4443).
#include <algorithm>

#include "dataplane/parse/parse_frame.h"

namespace picket::parse {
namespace {

void set_payload(const ByteCursor& cursor, std::uint32_t length, Packet& packet) noexcept {
    packet.payload = cursor.at();
    packet.payload_length = length;
    packet.payload_captured = static_cast<std::uint32_t>(std::min<std::size_t>(cursor.remaining(), length));
    if (packet.payload_captured < length) packet.flags |= packet_payload_cut;
}

ParseResult parse_tcp(ByteCursor cursor, std::uint32_t length, bool cut, Packet& packet,
                      Ports& ports) noexcept {
    const std::uint8_t* header = cursor.take(20);
    if (header == nullptr) {
        return cut && length >= 20 ? api::Outcome::truncated : api::Outcome::malformed_tcp;
    }
    const std::uint32_t header_length = (header[12] >> 4) * 4u;
    if (header_length < 20 || header_length > length) return api::Outcome::malformed_tcp;
    ByteCursor fields(header, 20);
    ports.source = fields.u16();
    ports.destination = fields.u16();
    packet.tcp_sequence = fields.u32();
    packet.tcp_acknowledgment = fields.u32();
    packet.tcp_flags = header[13];
    packet.checksum = static_cast<std::uint16_t>(header[16] << 8 | header[17]);
    // Options that the capture cut off do not matter: nothing of the payload is there then.
    cursor.take(std::min<std::size_t>(header_length - 20, cursor.remaining()));
    set_payload(cursor, length - header_length, packet);
    return {};
}

// Of a quoted packet no more than the ports need be there (RFC 792: 8 bytes).
ParseResult parse_quoted_ports(ByteCursor cursor, Ports& ports) noexcept {
    ports.source = cursor.u16();
    ports.destination = cursor.u16();
    if (cursor.failed()) return api::Outcome::truncated;
    return {};
}

ParseResult parse_udp(ByteCursor cursor, std::uint32_t length, bool cut, Packet& packet,
                      Ports& ports) noexcept {
    ports.source = cursor.u16();
    ports.destination = cursor.u16();
    cursor.take(2);
    packet.checksum = cursor.u16();
    if (cursor.failed()) return cut && length >= 8 ? api::Outcome::truncated : api::Outcome::malformed_udp;
    set_payload(cursor, length - 8, packet);
    return {};
}

// Without its header it is still a packet of a flow, of ports 0.
ParseResult parse_sctp(ByteCursor cursor, std::uint32_t length, bool cut, Packet& packet,
                       Ports& ports) noexcept {
    constexpr std::uint32_t header_bytes = 12;
    ByteCursor fields = cursor;
    fields.limit(header_bytes);
    ports.source = fields.u16();
    ports.destination = fields.u16();
    fields.take(4);
    const std::uint32_t crc = fields.u32();
    if (!fields.failed()) {
        packet.checksum = static_cast<std::uint16_t>(crc >> 16 ^ crc);
        cursor.take(header_bytes);
        set_payload(cursor, length - header_bytes, packet);
        return {};
    }
    ports = {};
    if (cut && length >= header_bytes) return api::Outcome::truncated;
    set_payload(cursor, length, packet);
    return {};
}

// Type of the request that a message answers or is; 0 in `ask` means that the type has no identifier.
struct IcmpQuery {
    std::uint8_t ask = 0;
    bool reply = false;
};

IcmpQuery query_of(std::uint8_t protocol, std::uint8_t type) noexcept {
    if (protocol == protocol_icmpv6) {
        if (type == 128 || type == 129) return {128, type == 129};
        return {};
    }
    switch (type) {
        case 0:
            return {8, true};  // echo
        case 8:
            return {8, false};
        case 13:
            return {13, false};  // timestamp
        case 14:
            return {13, true};
        case 15:
            return {15, false};  // information
        case 16:
            return {15, true};
        case 17:
            return {17, false};  // address mask
        case 18:
            return {17, true};
        default:
            return {};
    }
}

// Messages about a packet, which they quote.
bool is_error(std::uint8_t protocol, std::uint8_t type) noexcept {
    if (protocol == protocol_icmpv6) return type >= 1 && type <= 4;
    return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

// A query and its replies are one flow: the asker's port is the identifier, the other's is the request's
// type << 8, as NetFlow writes it. Other messages have source port 0 and type << 8 | code.
ParseResult parse_icmp(ByteCursor cursor, std::uint8_t protocol, std::uint32_t length, bool cut,
                       Packet& packet, Ports& ports) noexcept {
    const std::uint8_t type = cursor.u8();
    const std::uint8_t code = cursor.u8();
    packet.checksum = cursor.u16();
    const std::uint16_t identifier = cursor.u16();
    cursor.take(2);
    if (cursor.failed()) return cut && length >= 8 ? api::Outcome::truncated : api::Outcome::malformed_icmp;
    const IcmpQuery query = query_of(protocol, type);
    if (query.ask == 0) {
        if (is_error(protocol, type)) packet.flags |= packet_icmp_error;
        ports.destination = static_cast<std::uint16_t>(type << 8 | code);
    } else {
        const auto asked = static_cast<std::uint16_t>(query.ask << 8);
        ports = query.reply ? Ports{asked, identifier} : Ports{identifier, asked};
        if (query.reply) packet.flags |= packet_icmp_reply;
    }
    set_payload(cursor, length - 8, packet);
    return {};
}

}  // namespace

ParseResult parse_transport(ByteCursor cursor, std::uint8_t protocol, std::uint32_t length, bool cut,
                            Packet& packet, Ports& ports) noexcept {
    if ((packet.flags & packet_later_fragment) != 0) return {};
    switch (protocol) {
        case protocol_tcp:
            if ((packet.flags & packet_quoted) != 0) return parse_quoted_ports(cursor, ports);
            return parse_tcp(cursor, length, cut, packet, ports);
        case protocol_udp:
            return parse_udp(cursor, length, cut, packet, ports);
        case protocol_sctp:
            if ((packet.flags & packet_quoted) != 0) return parse_quoted_ports(cursor, ports);
            return parse_sctp(cursor, length, cut, packet, ports);
        case protocol_icmp:
        case protocol_icmpv6:
            return parse_icmp(cursor, protocol, length, cut, packet, ports);
        default:
            set_payload(cursor, length, packet);
            return {};
    }
}

}  // namespace picket::parse
