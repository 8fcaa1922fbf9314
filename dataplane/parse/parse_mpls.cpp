// MPLS label stacks (RFC 3032) and what is guessed to follow them: nothing in the frame tells.
#include "dataplane/parse/parse_frame.h"

namespace picket::parse {
namespace {

constexpr int labels_max = 16;
constexpr std::uint32_t bottom_of_stack = 0x100;

// A MAC address may begin with 4 or 6, too.
bool is_ipv4(ByteCursor cursor, const LayerContext& context) noexcept {
    const std::size_t on_wire = cursor.remaining() + context.cut;
    const std::uint8_t first = cursor.u8();
    cursor.take(1);
    const std::uint16_t length = cursor.u16();
    return !cursor.failed() && (first & 0x0f) >= 5 && (length <= on_wire);
}
bool is_ipv6(ByteCursor cursor, const LayerContext& context) noexcept {
    const std::size_t on_wire = cursor.remaining() + context.cut;
    cursor.take(4);
    const std::uint16_t length = cursor.u16();
    return !cursor.failed() && length + std::size_t{40} <= on_wire;
}

// An Ethernet pseudowire (RFC 4448), with its control word or without.
ParseResult parse_pseudowire(ByteCursor cursor, const LayerContext& context, Packet& packet) noexcept {
    LayerContext inner = context;
    inner.inner = true;
    ByteCursor behind_control_word = cursor;
    const bool control_word = (behind_control_word.u32() >> 28) == 0;
    if (control_word && looks_like_ethernet(behind_control_word)) {
        return parse_ethernet(behind_control_word, inner, packet);
    }
    if (looks_like_ethernet(cursor)) return parse_ethernet(cursor, inner, packet);
    return cursor.remaining() < 18 ? cut_or(api::Outcome::non_ip, context) : api::Outcome::non_ip;
}

}  // namespace

ParseResult parse_mpls(ByteCursor cursor, const LayerContext& context, Packet& packet) noexcept {
    if (context.link_layers == link_layers_max) return api::Outcome::non_ip;
    LayerContext below = context;
    ++below.link_layers;
    const std::uint32_t top = cursor.u32();
    std::uint32_t entry = top;
    for (int labels = 1; (entry & bottom_of_stack) == 0 && !cursor.failed(); ++labels) {
        if (labels == labels_max) return api::Outcome::malformed_ethernet;
        entry = cursor.u32();
    }
    if (cursor.failed() || cursor.remaining() == 0) return cut_or(api::Outcome::malformed_ethernet, context);
    if ((packet.flags & packet_tunnelled) == 0) {
        packet.flags |= packet_tunnelled;
        packet.tunnel = api::TunnelKind::mpls;
        packet.tunnel_id = top >> 12;
    }
    const unsigned nibble = *cursor.at() >> 4;
    const bool ethernet = looks_like_ethernet(cursor);
    if (nibble == 4 && (!ethernet || is_ipv4(cursor, below))) return parse_ipv4(cursor, below, packet);
    if (nibble == 6 && (!ethernet || is_ipv6(cursor, below))) return parse_ipv6(cursor, below, packet);
    return parse_pseudowire(cursor, below, packet);
}

}  // namespace picket::parse
