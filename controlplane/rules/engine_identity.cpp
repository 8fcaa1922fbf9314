#include "controlplane/rules/engine_identity.h"

#include <hs/hs.h>

#include "dataplane/api/setup_error.h"

namespace picket::rules {
namespace {

hs_platform_info_t platform() {
    hs_platform_info_t found{};
    if (hs_populate_platform(&found) != HS_SUCCESS) {
        throw SetupError("rules", "Hyperscan does not run on this processor", "use one with SSSE3");
    }
    return found;
}

}  // namespace

std::uint64_t cpu_features() {
    return platform().cpu_features;
}

void add_engine(ContentHasher& hasher) {
    const hs_platform_info_t found = platform();
    hasher.add(std::string_view(hs_version()));
    hasher.add(found.cpu_features);
    hasher.add(found.tune);
}

}  // namespace picket::rules
