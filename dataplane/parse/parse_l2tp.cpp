// L2TP: version 2 and 3 over UDP (RFC 2661, RFC 3931 §4.1.2) and version 3 over IP (§4.1.1).
#include <array>

#include "dataplane/parse/parse_frame.h"

namespace picket::parse {
namespace {

constexpr std::uint16_t l2tp_control = 0x8000;
constexpr std::uint16_t l2tp_length = 0x4000;
constexpr std::uint16_t l2tp_sequence = 0x0800;
constexpr std::uint16_t l2tp_offset = 0x0200;
constexpr std::uint16_t l2tp_version = 0x000f;

// Cookie (0, 4 or 8 bytes) and sublayer (0 or 4) are agreed on out of the frame's sight: whatever makes sense
// of what follows is taken.
Entry enter_session(ByteCursor cursor, const LayerContext& context, Packet& inner) noexcept {
    constexpr std::array<std::size_t, 4> skipped_bytes{0, 4, 8, 12};
    for (const std::size_t skipped : skipped_bytes) {
        ByteCursor at = cursor;
        at.take(skipped);
        if (at.failed()) break;
        if (looks_like_ethernet(at)) return entry_of(parse_ethernet(at, context, inner));
        ByteCursor head = at;
        const std::uint32_t word = head.u32();
        if (head.failed()) break;
        if (word == 0xff030021 || word == 0xff030057) return entry_of(parse_ppp(at, context, inner));
        if (word == 0x0f000800 || word == 0x0f0086dd) return entry_of(parse_cisco_hdlc(at, context, inner));
    }
    return Entry::undecoded;
}

}  // namespace

Entry enter_l2tpv3(ByteCursor cursor, const LayerContext& context, Packet& inner) noexcept {
    inner.tunnel_id = cursor.u32();
    if (cursor.failed()) return Entry::undecoded;
    if (inner.tunnel_id == 0) return Entry::no_tunnel;  // a control message
    return enter_session(cursor, context, inner);
}

Entry enter_l2tp_udp(ByteCursor cursor, const LayerContext& context, Packet& inner) noexcept {
    const std::uint16_t flags = cursor.u16();
    if (cursor.failed()) return context.cut != 0 ? Entry::undecoded : Entry::no_tunnel;
    if ((flags & l2tp_control) != 0) return Entry::no_tunnel;
    if ((flags & l2tp_version) == 3) {
        cursor.take(2);
        inner.tunnel_id = cursor.u32();
        return cursor.failed() ? Entry::undecoded : enter_session(cursor, context, inner);
    }
    if ((flags & l2tp_version) != 2) return Entry::no_tunnel;
    if ((flags & l2tp_length) != 0) cursor.take(2);
    inner.tunnel_id = cursor.u32();  // tunnel << 16 | session
    if ((flags & l2tp_sequence) != 0) cursor.take(4);
    if ((flags & l2tp_offset) != 0) cursor.take(cursor.u16());
    if (cursor.failed()) return Entry::undecoded;
    return entry_of(parse_ppp(cursor, context, inner));
}

}  // namespace picket::parse
