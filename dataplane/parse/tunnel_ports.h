// UDP ports that tunnels are recognised by, as destination (the source port is the sender's entropy).
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace picket::parse {

inline constexpr std::uint16_t port_l2tp = 1701;         // RFC 2661, RFC 3931
inline constexpr std::uint16_t port_gtpu = 2152;         // 3GPP TS 29.281
inline constexpr std::uint16_t port_vxlan = 4789;        // RFC 7348
inline constexpr std::uint16_t port_vxlan_gpe = 4790;    // draft-ietf-nvo3-vxlan-gpe
inline constexpr std::uint16_t port_vxlan_linux = 8472;  // what Linux chose before there was a number
inline constexpr std::uint16_t port_geneve = 6081;       // RFC 8926

// By the first byte on the wire: a port that begins so, as loaded, or one that does not.
inline constexpr std::array<std::uint16_t, 256> tunnel_port_by_first_byte = [] {
    std::array<std::uint16_t, 256> ports{};
    ports[0] = 1;  // begins with 1
    for (const std::uint16_t port :
         {port_l2tp, port_gtpu, port_vxlan, port_vxlan_gpe, port_vxlan_linux, port_geneve}) {
        ports[port >> 8] = __builtin_bswap16(port);
    }
    return ports;
}();

// False if a destination port, as loaded from the wire, is none of them; true for a few neighbours, too.
// False if `other` is not 0.
//
// PERF: no branch, because it is asked of every TCP and UDP packet: one load from 512 bytes, 2 to 2.5 cycles
// of a packet's 62. To compare with all of them, four as lanes of a word, took half a cycle more.
[[nodiscard]] constexpr bool may_be_tunnel_port(std::uint16_t as_loaded, std::uint32_t other = 0) noexcept {
    static_assert(std::endian::native == std::endian::little, "the first byte is the low one");
    constexpr unsigned compared = 0xfcff;  // all but what tells VXLAN from its extension
    return (((as_loaded ^ tunnel_port_by_first_byte[as_loaded & 0xff]) & compared) | other) == 0;
}
static_assert(may_be_tunnel_port(__builtin_bswap16(port_l2tp)) &&
              may_be_tunnel_port(__builtin_bswap16(port_gtpu)) &&
              may_be_tunnel_port(__builtin_bswap16(port_vxlan)) &&
              may_be_tunnel_port(__builtin_bswap16(port_vxlan_gpe)) &&
              may_be_tunnel_port(__builtin_bswap16(port_vxlan_linux)) &&
              may_be_tunnel_port(__builtin_bswap16(port_geneve)));
static_assert(!may_be_tunnel_port(0) && !may_be_tunnel_port(__builtin_bswap16(53)) &&
              !may_be_tunnel_port(__builtin_bswap16(4792)));

}  // namespace picket::parse
