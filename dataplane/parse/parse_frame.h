// From a frame to a packet: link layer, tags, labels, IP, extension headers, tunnels, transport.
//
// Pure functions over memory; safe on any bytes, from any thread. Checksums are not judged: a tap sees
// packets before offload engines fill them in.
//
// Nesting is bounded: at most ParseSettings::tunnel_depth tunnels and link_layers_max link encapsulations a
// frame, and nothing is parsed twice, so that no sender can make a frame cost more than its layers.
#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/api/byte_cursor.h"
#include "dataplane/api/outcomes.h"
#include "dataplane/flow/flow_key.h"
#include "dataplane/parse/packet.h"
#include "dataplane/rx/frame.h"

namespace picket::parse {

[[nodiscard]] constexpr std::uint16_t tunnel_bit(api::TunnelKind kind) noexcept {
    return static_cast<std::uint16_t>(1u << static_cast<unsigned>(kind));
}

struct ParseSettings {
    bool vlan_in_key = false;
    std::uint8_t tunnel_depth = 4;   // tunnels entered at most, one within the other
    std::uint16_t tunnels = 0xffff;  // tunnel_bit() of those that are entered
};

// The result: nothing if the packet belongs to a flow (its fields and key are filled in), else the outcome
// that names why not.
using ParseResult = std::optional<api::Outcome>;

// Parses one frame into `packet`, whatever its fields were. Within tunnels the packet is the innermost IP
// packet that the settings enter and that is whole enough; if a tunnel's contents are not, the packet is the
// one around it, with packet_inner_undecoded.
[[nodiscard]] ParseResult parse_frame(const rx::Frame& frame, const ParseSettings& settings,
                                      const flow::KeyedHash& hash, Packet& packet) noexcept;

// What an ICMP error quotes, as far as its key goes, into `quoted`. False if that is no packet of a flow.
// REQUIRES: `error` has packet_icmp_error.
[[nodiscard]] bool parse_quoted(const Packet& error, const ParseSettings& settings,
                                const flow::KeyedHash& hash, Packet& quoted) noexcept;

// --- the layers, each from its first byte ---------------------------------------------------------------

inline constexpr std::uint8_t link_layers_max = 4;  // MPLS stacks and PPPoE sessions, one within the other

// cut: bytes that the wire had beyond the cursor's end (snapshot length), so that a header which is missing
// for that reason is `truncated` and not `malformed_*`.
struct LayerContext {
    const ParseSettings& settings;
    const flow::KeyedHash& hash;
    std::uint32_t cut = 0;
    bool inner = false;            // within a tunnel or pseudowire: VLAN tags are not the frame's own
    std::uint8_t link_layers = 0;  // link encapsulations so far
};

inline ParseResult cut_or(api::Outcome malformed, const LayerContext& context) noexcept {
    return context.cut != 0 ? api::Outcome::truncated : malformed;
}

// From the destination address, from the EtherType's contents, from the label stack, from the PPPoE header,
// from the PPP frame, from the Cisco HDLC header.
[[nodiscard]] ParseResult parse_ethernet(ByteCursor cursor, const LayerContext& context,
                                         Packet& packet) noexcept;
[[nodiscard]] ParseResult parse_ethertype(ByteCursor cursor, std::uint16_t ethertype,
                                          const LayerContext& context, Packet& packet) noexcept;
[[nodiscard]] ParseResult parse_mpls(ByteCursor cursor, const LayerContext& context, Packet& packet) noexcept;
[[nodiscard]] ParseResult parse_pppoe(ByteCursor cursor, const LayerContext& context,
                                      Packet& packet) noexcept;
[[nodiscard]] ParseResult parse_ppp(ByteCursor cursor, const LayerContext& context, Packet& packet) noexcept;
[[nodiscard]] ParseResult parse_cisco_hdlc(ByteCursor cursor, const LayerContext& context,
                                           Packet& packet) noexcept;

// Whether Ethernet with something of IP in it seems to begin here: a guess where nothing tells.
[[nodiscard]] bool looks_like_ethernet(ByteCursor cursor) noexcept;

// IPv4 or IPv6, as the version nibble tells.
[[nodiscard]] ParseResult parse_raw_ip(ByteCursor cursor, const LayerContext& context,
                                       Packet& packet) noexcept;
[[nodiscard]] ParseResult parse_ipv4(ByteCursor cursor, const LayerContext& context, Packet& packet) noexcept;
[[nodiscard]] ParseResult parse_ipv6(ByteCursor cursor, const LayerContext& context, Packet& packet) noexcept;

// Ports, flags and payload of a transport header; source and destination port in the order of the packet.
struct Ports {
    std::uint16_t source = 0;
    std::uint16_t destination = 0;
};
[[nodiscard]] ParseResult parse_transport(ByteCursor cursor, std::uint8_t protocol, std::uint32_t length,
                                          bool cut, Packet& packet, Ports& ports) noexcept;

// --- tunnels --------------------------------------------------------------------------------------------

// Source and destination of an IP header, one behind the other.
struct IpEnds {
    const std::uint8_t* addresses;
    std::uint8_t family;
};

// If `packet`, which is complete, is a tunnel's, replaces it by what is in it, or marks it as undecoded.
void enter_tunnel(const IpEnds& ends, std::uint8_t protocol, std::uint16_t destination_port,
                  const LayerContext& context, Packet& packet) noexcept;

// What is in a tunnel's payload, whose first byte the cursor is at.
enum class Entry : std::uint8_t {
    no_tunnel,  // a message of the tunnel's own, another protocol on its port, or a kind that is not entered
    undecoded,  // not IP, malformed, or cut
    entered,
};
[[nodiscard]] inline Entry entry_of(const ParseResult& inner) noexcept {
    return inner ? Entry::undecoded : Entry::entered;
}
[[nodiscard]] Entry enter_gre(ByteCursor cursor, const LayerContext& context, Packet& inner) noexcept;
[[nodiscard]] Entry enter_l2tp_udp(ByteCursor cursor, const LayerContext& context, Packet& inner) noexcept;
[[nodiscard]] Entry enter_l2tpv3(ByteCursor cursor, const LayerContext& context, Packet& inner) noexcept;
[[nodiscard]] Entry enter_vxlan(ByteCursor cursor, const LayerContext& context, Packet& inner) noexcept;
[[nodiscard]] Entry enter_geneve(ByteCursor cursor, const LayerContext& context, Packet& inner) noexcept;
[[nodiscard]] Entry enter_gtpu(ByteCursor cursor, const LayerContext& context, Packet& inner) noexcept;

}  // namespace picket::parse
