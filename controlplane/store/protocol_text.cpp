#include "controlplane/store/protocol_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace picket::store {

namespace {

constexpr std::array<std::pair<std::uint8_t, std::string_view>, 10> names{{{protocol_icmp, "ICMP"},
                                                                           {2, "IGMP"},
                                                                           {protocol_tcp, "TCP"},
                                                                           {protocol_udp, "UDP"},
                                                                           {47, "GRE"},
                                                                           {50, "ESP"},
                                                                           {51, "AH"},
                                                                           {protocol_icmpv6, "IPv6-ICMP"},
                                                                           {89, "OSPF"},
                                                                           {protocol_sctp, "SCTP"}}};

bool equal_nocase(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return (x | 0x20) == (y | 0x20); });
}

}  // namespace

std::string protocol_name(std::uint8_t protocol) {
    for (const auto& [number, name] : names) {
        if (number == protocol) return std::string(name);
    }
    return std::to_string(protocol);
}

std::string_view tunnel_protocol(api::TunnelKind kind) noexcept {
    switch (kind) {
        case api::TunnelKind::gre:
        case api::TunnelKind::erspan:
            return "GRE";
        case api::TunnelKind::ipip:
            return "IPIP";
        case api::TunnelKind::l2tp:
            return "L2TP";
        case api::TunnelKind::vxlan:
        case api::TunnelKind::geneve:
        case api::TunnelKind::gtpu:
            return "UDP";
        default:
            return {};
    }
}

std::optional<std::uint8_t> parse_protocol(std::string_view text) {
    if (equal_nocase(text, "icmpv6") || equal_nocase(text, "icmp6")) return protocol_icmpv6;
    for (const auto& [number, name] : names) {
        if (equal_nocase(text, name)) return number;
    }
    unsigned number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number > 255) return std::nullopt;
    return static_cast<std::uint8_t>(number);
}

}  // namespace picket::store
