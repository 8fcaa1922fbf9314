// What an ICMP error quotes: the packet that it is about, from its IP header on, at least 8 bytes behind it
// (RFC 792, RFC 4443 §3).
#include "dataplane/parse/parse_frame.h"

namespace picket::parse {

bool parse_quoted(const Packet& error, const ParseSettings& settings, const flow::KeyedHash& hash,
                  Packet& quoted) noexcept {
    // However little of the packet is quoted, it is never malformed for that.
    constexpr std::uint32_t unquoted = 0xffff;
    quoted = Packet{};
    quoted.time_ns = error.time_ns;
    quoted.sequence = error.sequence;
    quoted.port = error.port;
    quoted.vlan = error.vlan;
    quoted.icmp_error = error.side == 0 ? error.key.port_b : error.key.port_a;
    quoted.flags = packet_quoted;
    const LayerContext context{settings, hash, unquoted, true, 0};
    const ByteCursor cursor(error.payload, error.payload_captured);
    const auto bad = error.key.protocol == protocol_icmp ? parse_ipv4(cursor, context, quoted)
                                                         : parse_ipv6(cursor, context, quoted);
    if (bad) return false;
    // It was not received, so no queue was chosen for it; and nobody looks at its payload.
    quoted.flags = packet_quoted;
    quoted.payload = nullptr;
    quoted.payload_length = 0;
    quoted.payload_captured = 0;
    quoted.tcp_flags = 0;
    return true;
}

}  // namespace picket::parse
