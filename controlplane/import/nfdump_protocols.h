// Names of IP protocols in foreign flow logs: Picket's own, and nfdump's, which has its own for most of them.
//
// Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace picket::importer {

// A number, a name that store::parse_protocol knows, or one of nfdump's as it writes it ("Frag6", "PIM").
[[nodiscard]] std::optional<std::uint8_t> parse_log_protocol(std::string_view text);

}  // namespace picket::importer
