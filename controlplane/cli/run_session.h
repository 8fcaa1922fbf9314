// Both planes in the foreground, watched until one of them or a signal says that it is over.
#pragma once

#include <string>

#include "controlplane/config/config.h"

namespace picket::cli {

struct RunRequest {
    config::Config config;  // valid
    std::string control_socket;
    bool quiet = false;
};

// Returns the exit status. Throws SetupError if the planes cannot be started there. picketd is started again
// when it dies; the data plane is not, because its counters would begin anew without anybody noticing.
[[nodiscard]] int run_planes(const RunRequest& request);

}  // namespace picket::cli
