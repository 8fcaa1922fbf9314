// Evidence that flows of several sources have one sender, who forges their addresses.
//
// What is looked at: flows to one destination and port whose sources never showed that they receive what is
// sent to them. Hosts on unrelated paths differ in the TTL that is left when their packets arrive, count
// their IP identifications on their own, and choose their ports on their own; one tool that forges does not.
// Each agreement is weighed in bits, as how unlikely it would be of unrelated hosts. What is absent acquits
// nobody: a tool may draw all of it at random.
//
// Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/store/shapes.h"
#include "controlplane/store/stored_flow.h"

namespace picket::detect {

enum class Confidence : std::uint8_t { unknown, low, medium, high };
[[nodiscard]] std::string_view name_of(Confidence confidence) noexcept;

// Fewer sources or networks than these are no group: chance agrees too often.
inline constexpr std::size_t origin_sources_min = 3;
inline constexpr std::size_t origin_networks_min = 3;

struct OriginGroup {
    api::Address destination;
    std::uint16_t destination_port = 0;
    std::uint8_t protocol = 0;
    std::vector<api::Address> sources;  // distinct, ascending
    std::size_t networks = 0;           // of the sources: IPv4 /8, IPv6 /32
    store::Totals totals;
    // Where all flows agree.
    std::optional<std::uint8_t> ttl;
    std::optional<std::uint16_t> ip_id;
    std::optional<std::uint8_t> tos;
    Confidence confidence = Confidence::unknown;
    double bits = 0;                   // weight of the evidence
    std::vector<std::string> reasons;  // sentences, the weightiest first
};

// flows: whole ones, parts added up. The weightiest groups first; `unknown` are those whose records lack
// what could tell.
[[nodiscard]] std::vector<OriginGroup> find_single_origins(std::span<const store::StoredFlow* const> flows);

}  // namespace picket::detect
