// Which packets are a tunnel's, and the tunnels over UDP: VXLAN (RFC 7348), Geneve (RFC 8926) and GTP-U
// (3GPP TS 29.281).
#include "dataplane/parse/parse_frame.h"
#include "dataplane/parse/tunnel_ports.h"

namespace picket::parse {
namespace {

using api::TunnelKind;

constexpr std::uint8_t protocol_ipip = 4;
constexpr std::uint8_t protocol_ipv6 = 41;
constexpr std::uint8_t protocol_gre = 47;
constexpr std::uint8_t protocol_l2tp = 115;
constexpr std::uint16_t ethertype_ethernet = 0x6558;  // transparent Ethernet bridging
constexpr int gtpu_extensions_max = 8;

TunnelKind kind_of(std::uint8_t protocol, std::uint16_t destination_port) noexcept {
    switch (protocol) {
        case protocol_ipip:
        case protocol_ipv6:
            return TunnelKind::ipip;
        case protocol_gre:
            return TunnelKind::gre;
        case protocol_l2tp:
            return TunnelKind::l2tp;
        case protocol_udp:
            break;
        default:
            return TunnelKind::none;
    }
    switch (destination_port) {
        case port_vxlan:
        case port_vxlan_gpe:
        case port_vxlan_linux:
            return TunnelKind::vxlan;
        case port_geneve:
            return TunnelKind::geneve;
        case port_gtpu:
            return TunnelKind::gtpu;
        case port_l2tp:
            return TunnelKind::l2tp;
        default:
            return TunnelKind::none;
    }
}

Entry enter(TunnelKind kind, std::uint8_t protocol, ByteCursor cursor, const LayerContext& context,
            Packet& inner) noexcept {
    switch (kind) {
        case TunnelKind::ipip:
            return entry_of(protocol == protocol_ipip ? parse_ipv4(cursor, context, inner)
                                                      : parse_ipv6(cursor, context, inner));
        case TunnelKind::gre:
            return enter_gre(cursor, context, inner);
        case TunnelKind::l2tp:
            return protocol == protocol_l2tp ? enter_l2tpv3(cursor, context, inner)
                                             : enter_l2tp_udp(cursor, context, inner);
        case TunnelKind::vxlan:
            return enter_vxlan(cursor, context, inner);
        case TunnelKind::geneve:
            return enter_geneve(cursor, context, inner);
        case TunnelKind::gtpu:
            return enter_gtpu(cursor, context, inner);
        default:
            return Entry::no_tunnel;
    }
}

// What the packet in a tunnel has from the frame, and of the tunnel.
Packet begin_inner(const Packet& packet, const IpEnds& ends, TunnelKind kind) noexcept {
    Packet inner;
    inner.time_ns = packet.time_ns;
    inner.sequence = packet.sequence;
    inner.vlan = packet.vlan;
    inner.vlan_inner = packet.vlan_inner;
    inner.port = packet.port;
    inner.icmp_error = packet.icmp_error;
    inner.flags =
        static_cast<std::uint16_t>((packet.flags & (packet_vlan | packet_quoted)) | packet_tunnelled);
    inner.tunnel = kind;
    inner.tunnel_depth = static_cast<std::uint8_t>(packet.tunnel_depth + 1);
    inner.outer = ends.addresses;
    inner.outer_family = ends.family;
    return inner;
}

}  // namespace

void enter_tunnel(const IpEnds& ends, std::uint8_t protocol, std::uint16_t destination_port,
                  const LayerContext& context, Packet& packet) noexcept {
    const TunnelKind kind = kind_of(protocol, destination_port);
    if (kind == TunnelKind::none) return;
    // Some NICs look into tunnels.
    packet.flags &= static_cast<std::uint16_t>(~packet_plain);
    // ERSPAN is told from GRE by GRE's header.
    const unsigned wanted =
        kind == TunnelKind::gre ? tunnel_bit(kind) | tunnel_bit(TunnelKind::erspan) : tunnel_bit(kind);
    if ((context.settings.tunnels & wanted) == 0) return;
    if (packet.tunnel_depth >= context.settings.tunnel_depth) return;
    if ((packet.flags & packet_fragment) != 0) {
        packet.flags |= packet_inner_undecoded;
        return;
    }
    Packet inner = begin_inner(packet, ends, kind);
    LayerContext below = context;
    below.cut = packet.payload_length - packet.payload_captured;
    below.inner = true;
    switch (enter(kind, protocol, {packet.payload, packet.payload_captured}, below, inner)) {
        case Entry::entered:
            packet = inner;
            break;
        case Entry::undecoded:
            packet.flags |= packet_inner_undecoded;
            break;
        case Entry::no_tunnel:
            break;
    }
}

Entry enter_vxlan(ByteCursor cursor, const LayerContext& context, Packet& inner) noexcept {
    constexpr std::uint8_t has_protocol = 0x04;  // the generic protocol extension's; else it is Ethernet
    const std::uint8_t flags = cursor.u8();
    cursor.take(2);
    const std::uint8_t protocol = cursor.u8();
    inner.tunnel_id = cursor.u32() >> 8;
    if (cursor.failed()) return context.cut != 0 ? Entry::undecoded : Entry::no_tunnel;
    if ((flags & 0x08) == 0) return Entry::no_tunnel;  // a valid VNI is what makes it VXLAN
    if ((flags & has_protocol) == 0) return entry_of(parse_ethernet(cursor, context, inner));
    switch (protocol) {
        case 1:
            return entry_of(parse_ipv4(cursor, context, inner));
        case 2:
            return entry_of(parse_ipv6(cursor, context, inner));
        case 3:
            return entry_of(parse_ethernet(cursor, context, inner));
        default:
            return Entry::undecoded;
    }
}

Entry enter_geneve(ByteCursor cursor, const LayerContext& context, Packet& inner) noexcept {
    const std::uint8_t version_and_length = cursor.u8();
    cursor.take(1);
    const std::uint16_t ethertype = cursor.u16();
    inner.tunnel_id = cursor.u32() >> 8;
    if (cursor.failed()) return context.cut != 0 ? Entry::undecoded : Entry::no_tunnel;
    if (version_and_length >> 6 != 0) return Entry::no_tunnel;
    cursor.take((version_and_length & 0x3fu) * std::size_t{4});
    if (cursor.failed()) return Entry::undecoded;
    return entry_of(ethertype == ethertype_ethernet ? parse_ethernet(cursor, context, inner)
                                                    : parse_ethertype(cursor, ethertype, context, inner));
}

Entry enter_gtpu(ByteCursor cursor, const LayerContext& context, Packet& inner) noexcept {
    constexpr std::uint8_t user_packet = 255;
    const std::uint8_t flags = cursor.u8();
    const std::uint8_t type = cursor.u8();
    cursor.take(2);  // the length: the packet within has its own
    inner.tunnel_id = cursor.u32();
    if (cursor.failed()) return context.cut != 0 ? Entry::undecoded : Entry::no_tunnel;
    // Version 1, and not the charging protocol GTP'.
    if ((flags & 0xf0) != 0x30 || type != user_packet) return Entry::no_tunnel;
    if ((flags & 0x07) != 0) {  // if one of sequence, N-PDU and extension is there, the bytes of all are
        cursor.take(3);
        std::uint8_t next = cursor.u8();
        if ((flags & 0x04) == 0) next = 0;
        for (int extensions = 0; next != 0; ++extensions) {
            const std::uint8_t words = cursor.u8();
            if (extensions == gtpu_extensions_max || words == 0) return Entry::undecoded;
            cursor.take(words * std::size_t{4} - 2);
            next = cursor.u8();
        }
        if (cursor.failed()) return Entry::undecoded;
    }
    return entry_of(parse_raw_ip(cursor, context, inner));
}

}  // namespace picket::parse
