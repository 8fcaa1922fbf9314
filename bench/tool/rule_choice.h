// The rules that a bench runs with: files as operators have them, or built-in ones by number.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/tool/options.h"
#include "dataplane/match/rule_set.h"

namespace picket::bench {

struct RuleChoice {
    std::shared_ptr<const match::RuleSet> rules;  // null: none were asked for
    std::uint64_t loaded = 0;
    std::uint64_t rejected = 0;
};

// Throws SetupError where a file cannot be read or holds no rule that loads.
[[nodiscard]] RuleChoice choose_rules(const Options& options);

}  // namespace picket::bench
