// What the data plane has measured of each rule, copied out of shared memory.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "controlplane/drain/segments.h"

namespace picket::detect {

struct RuleCosts {
    std::uint32_t generation = 0;
    std::array<std::uint64_t, api::filter_group_count> scanned{};  // texts, by api::FilterGroup
    std::vector<api::RuleCost> rules;                              // by rule index
};

// Estimated cycles of all judgements of a rule, from those that were timed.
[[nodiscard]] double cycles_of(const api::RuleCost& cost) noexcept;

// Nothing before the first rules, or if the writer has died in the middle. Any thread.
std::optional<RuleCosts> read_rule_costs(const drain::Segments& segments);

}  // namespace picket::detect
