// `picket rule show --cost`: rules by what they take of the workers.
#pragma once

#include <string>

#include "controlplane/cli/context.h"

namespace picket::cli {

// interval: a duration to measure for; empty: all since the rule set was loaded. Returns the exit status.
// Throws SetupError.
int show_rule_costs(const Context& context, const std::string& interval, std::size_t rows_max);

}  // namespace picket::cli
