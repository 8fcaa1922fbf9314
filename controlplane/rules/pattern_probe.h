// Patterns that would be slow to match: tried on texts that make patterns backtrack.
#pragma once

#include <vector>

#include "controlplane/rules/rule.h"
#include "controlplane/rules/rule_compiler.h"

namespace picket::rules {

inline constexpr std::size_t probe_text_bytes = 2048;

// A note for every pcre that PCRE2 gives up, within the data plane's bounds, on a text of about
// probe_text_bytes: some of the pattern's literals in order, the next of them or a common byte again and
// again, and then a byte that nothing expects. Finds what commonly goes wrong, not everything that can.
std::vector<CostNote> probe_patterns(const std::vector<Rule>& rules);

}  // namespace picket::rules
