// From a configuration to the command line of picket-dataplane.
#pragma once

#include <string>
#include <vector>

#include "controlplane/config/config.h"

namespace picket::config {

// Everything but the program's name, --socket, --replay and --hold: ports, workers and flow settings.
[[nodiscard]] std::vector<std::string> dataplane_arguments(const Config& config);

// The part of it that is not about ports and workers: what replay takes from a configuration.
[[nodiscard]] std::vector<std::string> flow_arguments(const Config& config);

}  // namespace picket::config
