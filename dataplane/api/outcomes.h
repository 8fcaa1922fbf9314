// Where a received packet can end up other than in a flow. Every packet is in exactly one place:
// received = in flows + the sum over outcomes (per port and worker, at every published moment).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace picket::api {

enum class Outcome : std::uint8_t {
    non_ip,              // ARP, LLDP, STP, ...: an EtherType or PPP protocol that carries no IP
    malformed_ethernet,  // frame ends within the link-layer header or its tags
    malformed_ipv4,      // version, header length or total length contradict each other or the frame
    malformed_ipv6,      // version or payload length contradict the frame, or it ends within the header
    ipv6_extensions,     // extension header chain longer than the bound, or cut short
    malformed_tcp,       // header length below 20 bytes or beyond the IP payload
    malformed_udp,       // IP payload shorter than the UDP header
    malformed_icmp,      // IP payload shorter than the ICMP header
    truncated,           // the capture's snapshot length cut the frame before its ports
    unknown_link_type,   // capture record of a link type that this version cannot decode
    duplicate,           // a span port's copy, left out of flows by configuration
    folded,              // counted in the fixed tables because the flow table was under pressure
    table_full,          // no room for a new flow, and folding is switched off
    steer_full,          // the ring to the owning worker was full
    oversize,            // longer than the largest frame that the steering ring can carry
    count_,
};

inline constexpr std::size_t outcome_count = static_cast<std::size_t>(Outcome::count_);

inline constexpr std::array<std::string_view, outcome_count> outcome_names{
    "non_ip",          "malformed_ethernet", "malformed_ipv4", "malformed_ipv6",
    "ipv6_extensions", "malformed_tcp",      "malformed_udp",  "malformed_icmp",
    "truncated",       "unknown_link_type",  "duplicate",      "folded",
    "table_full",      "steer_full",         "oversize",
};

}  // namespace picket::api
