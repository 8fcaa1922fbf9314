// GRE (RFC 2784, RFC 2890), its enhanced version for PPTP (RFC 2637), and ERSPAN over it
// (draft-foschiano-erspan).
#include "dataplane/parse/parse_frame.h"

namespace picket::parse {
namespace {

constexpr std::uint16_t ethertype_ethernet = 0x6558;
constexpr std::uint16_t ethertype_erspan = 0x88be;  // types I and II
constexpr std::uint16_t ethertype_erspan_3 = 0x22eb;
constexpr std::uint16_t ethertype_ppp = 0x880b;

constexpr std::uint16_t gre_checksum = 0x8000;
constexpr std::uint16_t gre_routing = 0x4000;  // RFC 1701; nobody sends it
constexpr std::uint16_t gre_key = 0x2000;
constexpr std::uint16_t gre_sequence = 0x1000;
constexpr std::uint16_t gre_acknowledgment = 0x0080;  // version 1
constexpr std::uint16_t gre_version = 0x0007;

Entry enter_pptp(ByteCursor cursor, std::uint16_t flags, const LayerContext& context,
                 Packet& inner) noexcept {
    const std::uint16_t length = cursor.u16();
    inner.tunnel_id = cursor.u16();  // the call
    if ((flags & gre_sequence) != 0) cursor.take(4);
    if ((flags & gre_acknowledgment) != 0) cursor.take(4);
    if (cursor.failed()) return Entry::undecoded;
    // Without a sequence number it only acknowledges.
    if (length == 0 || (flags & gre_sequence) == 0) return Entry::no_tunnel;
    return entry_of(parse_ppp(cursor, context, inner));
}

// Of type I nothing but the missing sequence number tells.
Entry enter_erspan(ByteCursor cursor, bool sequence, const LayerContext& context, Packet& inner) noexcept {
    inner.tunnel = api::TunnelKind::erspan;
    inner.tunnel_id = 0;
    if (sequence) {
        const std::uint16_t version_and_vlan = cursor.u16();
        inner.tunnel_id = cursor.u16() & 0x03ffu;
        cursor.take(4);
        if (cursor.failed() || version_and_vlan >> 12 != 1) return Entry::undecoded;
    }
    return entry_of(parse_ethernet(cursor, context, inner));
}

Entry enter_erspan_3(ByteCursor cursor, const LayerContext& context, Packet& inner) noexcept {
    constexpr std::uint16_t frame_ip = 2;
    inner.tunnel = api::TunnelKind::erspan;
    const std::uint16_t version_and_vlan = cursor.u16();
    inner.tunnel_id = cursor.u16() & 0x03ffu;
    cursor.take(4 + 2);  // time stamp, security group
    const std::uint16_t fields = cursor.u16();
    if ((fields & 1) != 0) cursor.take(8);  // platform specific subheader
    if (cursor.failed() || version_and_vlan >> 12 != 2) return Entry::undecoded;
    const unsigned frame_type = fields >> 10 & 0x1fu;
    if (frame_type == frame_ip) return entry_of(parse_raw_ip(cursor, context, inner));
    return frame_type == 0 ? entry_of(parse_ethernet(cursor, context, inner)) : Entry::undecoded;
}

}  // namespace

Entry enter_gre(ByteCursor cursor, const LayerContext& context, Packet& inner) noexcept {
    const std::uint16_t flags = cursor.u16();
    const std::uint16_t ethertype = cursor.u16();
    const bool erspan = ethertype == ethertype_erspan || ethertype == ethertype_erspan_3;
    if (cursor.failed() || (flags & gre_routing) != 0) return Entry::undecoded;
    const auto wanted = tunnel_bit(erspan ? api::TunnelKind::erspan : api::TunnelKind::gre);
    if ((context.settings.tunnels & wanted) == 0) return Entry::no_tunnel;
    if ((flags & gre_version) == 1 && ethertype == ethertype_ppp) {
        return enter_pptp(cursor, flags, context, inner);
    }
    if ((flags & gre_version) != 0) return Entry::undecoded;
    if ((flags & gre_checksum) != 0) cursor.take(4);
    if ((flags & gre_key) != 0) inner.tunnel_id = cursor.u32();
    if ((flags & gre_sequence) != 0) cursor.take(4);
    if (cursor.failed()) return Entry::undecoded;
    switch (ethertype) {
        case ethertype_ethernet:
            return entry_of(parse_ethernet(cursor, context, inner));
        case ethertype_erspan:
            return enter_erspan(cursor, (flags & gre_sequence) != 0, context, inner);
        case ethertype_erspan_3:
            return enter_erspan_3(cursor, context, inner);
        case ethertype_ppp:
            return entry_of(parse_ppp(cursor, context, inner));
        default:
            return entry_of(parse_ethertype(cursor, ethertype, context, inner));
    }
}

}  // namespace picket::parse
