// UDP ports that tunnels are recognised by, as destination (the source port is the sender's entropy).
#pragma once

#include <bit>
#include <cstdint>

namespace picket::parse {

inline constexpr std::uint16_t port_l2tp = 1701;         // RFC 2661, RFC 3931
inline constexpr std::uint16_t port_gtpu = 2152;         // 3GPP TS 29.281
inline constexpr std::uint16_t port_vxlan = 4789;        // RFC 7348
inline constexpr std::uint16_t port_vxlan_gpe = 4790;    // draft-ietf-nvo3-vxlan-gpe
inline constexpr std::uint16_t port_vxlan_linux = 8472;  // what Linux chose before there was a number
inline constexpr std::uint16_t port_geneve = 6081;       // RFC 8926

// Whether a destination port, as loaded from the wire, is one of them.
// PERF: no branch, because it is asked of every TCP and UDP packet: four ports are compared as the lanes of a
// word, of which one is 0 if it is equal.
[[nodiscard]] constexpr bool is_tunnel_port(std::uint16_t as_loaded) noexcept {
    static_assert(std::endian::native == std::endian::little, "ports are compared as loaded");
    constexpr std::uint64_t ones = 0x0001'0001'0001'0001;
    constexpr std::uint64_t ports = std::uint64_t{__builtin_bswap16(port_gtpu)} |
                                    std::uint64_t{__builtin_bswap16(port_vxlan)} << 16 |
                                    std::uint64_t{__builtin_bswap16(port_vxlan_linux)} << 32 |
                                    std::uint64_t{__builtin_bswap16(port_geneve)} << 48;
    const std::uint64_t lanes = (as_loaded * ones) ^ ports;
    const std::uint64_t zero = (lanes - ones) & ~lanes & ones << 15;
    return (zero != 0) | (as_loaded == __builtin_bswap16(port_l2tp)) |
           (as_loaded == __builtin_bswap16(port_vxlan_gpe));
}
static_assert(is_tunnel_port(__builtin_bswap16(4789)) && is_tunnel_port(__builtin_bswap16(1701)) &&
              is_tunnel_port(__builtin_bswap16(6081)) && !is_tunnel_port(__builtin_bswap16(4788)));

}  // namespace picket::parse
