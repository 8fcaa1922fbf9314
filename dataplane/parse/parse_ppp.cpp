// PPP (RFC 1661, RFC 1662), PPPoE sessions (RFC 2516) and Cisco HDLC.
#include "dataplane/parse/parse_frame.h"

namespace picket::parse {
namespace {

constexpr std::uint16_t ppp_ipv4 = 0x0021;
constexpr std::uint16_t ppp_ipv6 = 0x0057;
constexpr std::uint16_t ppp_mpls = 0x0281;
constexpr std::uint16_t ppp_mpls_multicast = 0x0283;

}  // namespace

ParseResult parse_ppp(ByteCursor cursor, const LayerContext& context, Packet& packet) noexcept {
    // Address and control field, unless compressed away (RFC 1661 §6.6).
    ByteCursor behind = cursor;
    if (behind.u16() == 0xff03 && !behind.failed()) cursor = behind;
    // The protocol's last byte is odd, its first one even or compressed away (§6.5).
    std::uint16_t protocol = cursor.u8();
    if ((protocol & 1) == 0) protocol = static_cast<std::uint16_t>(protocol << 8 | cursor.u8());
    if (cursor.failed()) return cut_or(api::Outcome::malformed_ethernet, context);
    switch (protocol) {
        case ppp_ipv4:
            return parse_ipv4(cursor, context, packet);
        case ppp_ipv6:
            return parse_ipv6(cursor, context, packet);
        case ppp_mpls:
        case ppp_mpls_multicast:
            return parse_mpls(cursor, context, packet);
        default:
            return api::Outcome::non_ip;
    }
}

ParseResult parse_pppoe(ByteCursor cursor, const LayerContext& context, Packet& packet) noexcept {
    if (context.link_layers == link_layers_max) return api::Outcome::non_ip;
    LayerContext below = context;
    ++below.link_layers;
    const std::uint8_t version_and_type = cursor.u8();
    const std::uint8_t code = cursor.u8();
    const std::uint16_t session = cursor.u16();
    cursor.take(2);  // the length: IP has its own, which must be within the frame as well
    if (cursor.failed()) return cut_or(api::Outcome::malformed_ethernet, context);
    if (version_and_type != 0x11) return api::Outcome::malformed_ethernet;
    if (code != 0) return api::Outcome::non_ip;
    if ((packet.flags & packet_tunnelled) == 0) {
        packet.flags |= packet_tunnelled;
        packet.tunnel = api::TunnelKind::pppoe;
        packet.tunnel_id = session;
    }
    return parse_ppp(cursor, below, packet);
}

ParseResult parse_cisco_hdlc(ByteCursor cursor, const LayerContext& context, Packet& packet) noexcept {
    cursor.take(2);  // address and control
    const std::uint16_t ethertype = cursor.u16();
    if (cursor.failed()) return cut_or(api::Outcome::malformed_ethernet, context);
    return parse_ethertype(cursor, ethertype, context, packet);
}

}  // namespace picket::parse
