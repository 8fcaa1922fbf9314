// Names of IP protocols, as EVE writes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dataplane/api/events.h"

namespace picket::store {

inline constexpr std::uint8_t protocol_icmp = 1;
inline constexpr std::uint8_t protocol_tcp = 6;
inline constexpr std::uint8_t protocol_udp = 17;
inline constexpr std::uint8_t protocol_icmpv6 = 58;
inline constexpr std::uint8_t protocol_sctp = 132;

// Of the header around a tunnel's contents, empty for what is no IP tunnel.
std::string_view tunnel_protocol(api::TunnelKind kind) noexcept;
// "TCP", "UDP", "ICMP", "IPv6-ICMP", "SCTP", ..., else the number.
std::string protocol_name(std::uint8_t protocol);
// A name in any case, "icmp6", "icmpv6", or a number.
std::optional<std::uint8_t> parse_protocol(std::string_view text);

constexpr bool has_ports(std::uint8_t protocol) noexcept {
    return protocol == protocol_tcp || protocol == protocol_udp || protocol == protocol_sctp;
}

}  // namespace picket::store
