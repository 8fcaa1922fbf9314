// picket rule show --filter: what the filter looks for, and how much traffic has it.
#pragma once

#include <cstddef>

#include "controlplane/cli/context.h"

namespace picket::cli {

// rows_max: of the table; JSON and CSV have all. Throws SetupError.
int show_rule_filter(const Context& context, std::size_t rows_max);

}  // namespace picket::cli
