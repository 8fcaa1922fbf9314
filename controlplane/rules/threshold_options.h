// The options that count a rule's hits: threshold and detection_filter.
//
// Pure functions on values.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "controlplane/rules/rule.h"

namespace picket::rules {

// Parses `type T, track BY, count N, seconds N` (threshold), or the same without a type (detection_filter),
// in any order. An empty string, or the fault.
std::string parse_threshold(std::string_view name, std::string_view value, std::optional<Threshold>& out);

}  // namespace picket::rules
