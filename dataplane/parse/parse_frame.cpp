// Link layers (https://www.tcpdump.org/linktypes.html) and VLAN tags (IEEE 802.1Q, 802.1ad).
#include "dataplane/parse/parse_frame.h"

namespace picket::parse {
namespace {

constexpr std::uint16_t ethertype_ipv4 = 0x0800;
constexpr std::uint16_t ethertype_ipv6 = 0x86dd;
constexpr std::uint16_t ethertype_mpls = 0x8847;
constexpr std::uint16_t ethertype_mpls_multicast = 0x8848;
constexpr std::uint16_t ethertype_pppoe = 0x8864;
constexpr int vlan_tags_max = 4;

bool is_vlan_tag(std::uint16_t ethertype) noexcept {
    return ethertype == 0x8100 || ethertype == 0x88a8 || ethertype == 0x9100 || ethertype == 0x9200;
}

}  // namespace

ParseResult parse_ethertype(ByteCursor cursor, std::uint16_t ethertype, const LayerContext& context,
                            Packet& packet) noexcept {
    int tags = 0;
    const bool odd_tag = ethertype != 0x8100 && is_vlan_tag(ethertype);
    for (; is_vlan_tag(ethertype) && tags < vlan_tags_max; ++tags) {
        const std::uint16_t tag = cursor.u16() & 0x0fff;
        ethertype = cursor.u16();
        if (cursor.failed()) return cut_or(api::Outcome::malformed_ethernet, context);
        if (context.inner) continue;
        if (tags == 0) packet.vlan = tag;
        if (tags == 1) packet.vlan_inner = tag;
        packet.flags |= packet_vlan;
    }
    ParseResult result = api::Outcome::non_ip;
    if (ethertype == ethertype_ipv4) result = parse_ipv4(cursor, context, packet);
    if (ethertype == ethertype_ipv6) result = parse_ipv6(cursor, context, packet);
    if (ethertype == ethertype_mpls || ethertype == ethertype_mpls_multicast) {
        result = parse_mpls(cursor, context, packet);
    }
    if (ethertype == ethertype_pppoe) result = parse_pppoe(cursor, context, packet);
    // NICs differ in what they see behind other tags.
    if (tags > 1 || odd_tag) packet.flags &= static_cast<std::uint16_t>(~packet_plain);
    return result;
}

ParseResult parse_ethernet(ByteCursor cursor, const LayerContext& context, Packet& packet) noexcept {
    cursor.take(12);
    const std::uint16_t ethertype = cursor.u16();
    if (cursor.failed()) return cut_or(api::Outcome::malformed_ethernet, context);
    return parse_ethertype(cursor, ethertype, context, packet);
}

bool looks_like_ethernet(ByteCursor cursor) noexcept {
    cursor.take(12);
    const std::uint16_t ethertype = cursor.u16();
    const unsigned version = cursor.u8() >> 4;
    if (cursor.failed()) return false;
    if (ethertype == ethertype_ipv4) return version == 4;
    if (ethertype == ethertype_ipv6) return version == 6;
    return is_vlan_tag(ethertype) || ethertype == ethertype_mpls || ethertype == ethertype_pppoe;
}

ParseResult parse_raw_ip(ByteCursor cursor, const LayerContext& context, Packet& packet) noexcept {
    if (cursor.remaining() == 0) return cut_or(api::Outcome::malformed_ipv4, context);
    switch (*cursor.at() >> 4) {
        case 4:
            return parse_ipv4(cursor, context, packet);
        case 6:
            return parse_ipv6(cursor, context, packet);
        default:
            return api::Outcome::non_ip;
    }
}

namespace {

// BSD loopback: a 4-byte address family, in the byte order of the machine that captured (LINKTYPE_NULL) or
// in network order (LINKTYPE_LOOP).
ParseResult parse_loopback(ByteCursor cursor, const LayerContext& context, Packet& packet) noexcept {
    std::uint32_t family = cursor.u32();
    if (cursor.failed()) return cut_or(api::Outcome::malformed_ethernet, context);
    if ((family & 0xffff0000) != 0) family = __builtin_bswap32(family);
    switch (family) {
        case 2:
            return parse_ipv4(cursor, context, packet);
        case 10:  // Linux
        case 24:  // NetBSD, OpenBSD
        case 28:  // FreeBSD
        case 30:  // Darwin
            return parse_ipv6(cursor, context, packet);
        default:
            return api::Outcome::non_ip;
    }
}

ParseResult parse_linux_cooked(ByteCursor cursor, bool version_2, const LayerContext& context,
                               Packet& packet) noexcept {
    std::uint16_t protocol = 0;
    if (version_2) {
        protocol = cursor.u16();
        cursor.take(18);
    } else {
        cursor.take(14);
        protocol = cursor.u16();
    }
    if (cursor.failed()) return cut_or(api::Outcome::malformed_ethernet, context);
    return parse_ethertype(cursor, protocol, context, packet);
}

ParseResult parse_link(const rx::Frame& frame, const LayerContext& context, Packet& packet) noexcept {
    ByteCursor cursor(frame.data, frame.captured_length);
    switch (frame.link_type) {
        case rx::LinkType::ethernet:
            return parse_ethernet(cursor, context, packet);
        case rx::LinkType::ppp:
            return parse_ppp(cursor, context, packet);
        case rx::LinkType::ppp_hdlc:
            return cursor.remaining() != 0 && *cursor.at() == 0xff
                       ? parse_ppp(cursor, context, packet)
                       : parse_cisco_hdlc(cursor, context, packet);
        case rx::LinkType::ppp_ether:
            return parse_pppoe(cursor, context, packet);
        case rx::LinkType::c_hdlc:
            return parse_cisco_hdlc(cursor, context, packet);
        case rx::LinkType::raw_ip_12:
        case rx::LinkType::raw_ip:
        case rx::LinkType::ipv4:
        case rx::LinkType::ipv6:
            return parse_raw_ip(cursor, context, packet);
        case rx::LinkType::null:
        case rx::LinkType::loop:
            return parse_loopback(cursor, context, packet);
        case rx::LinkType::linux_sll:
            return parse_linux_cooked(cursor, false, context, packet);
        case rx::LinkType::linux_sll2:
            return parse_linux_cooked(cursor, true, context, packet);
        default:
            return api::Outcome::unknown_link_type;
    }
}

}  // namespace

ParseResult parse_frame(const rx::Frame& frame, const ParseSettings& settings, const flow::KeyedHash& hash,
                        Packet& packet) noexcept {
    packet = Packet{};
    packet.time_ns = frame.time_ns;
    packet.sequence = frame.sequence;
    packet.port = frame.port;
    const std::uint32_t cut =
        frame.wire_length > frame.captured_length ? frame.wire_length - frame.captured_length : 0;
    const ParseResult result = parse_link(frame, {settings, hash, cut, false, 0}, packet);
    // NICs parse nothing but Ethernet, and differ in what they see behind labels and in tunnels.
    if (frame.link_type != rx::LinkType::ethernet || (packet.flags & packet_tunnelled) != 0) {
        packet.flags &= static_cast<std::uint16_t>(~packet_plain);
    }
    return result;
}

}  // namespace picket::parse
