// What compiled patterns depend on beside the patterns: Hyperscan's version and the processor.
#pragma once

#include <cstdint>

#include "controlplane/rules/content_key.h"

namespace picket::rules {

// hs_platform_info::cpu_features. Throws picket::SetupError if Hyperscan does not run on this processor.
std::uint64_t cpu_features();

// Adds both to a key.
void add_engine(ContentHasher& hasher);

}  // namespace picket::rules
