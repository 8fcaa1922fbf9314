// One list of scans from two that know of the same network: what a running detector has found, and what was
// found in an archive.
//
// Pure function.
#pragma once

#include <vector>

#include "controlplane/detect/scan_detector.h"

namespace picket::detect {

// A scan that both know is one, as long and as large as either has it; those that only `running` knows come
// last.
[[nodiscard]] std::vector<Scan> merge_scans(std::vector<Scan> archived, const std::vector<Scan>& running);

}  // namespace picket::detect
