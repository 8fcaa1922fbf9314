// Options that `replay` and `rule test` share, and what is checked of them before anything starts.
#pragma once

#include <string>
#include <vector>

#include "controlplane/cli/context.h"
#include "controlplane/cli/replay_session.h"

namespace CLI {
class App;
}

namespace picket::cli {

struct ReplayOptions {
    std::vector<std::string> watch;  // NAME=FILE
    ReplayRequest request;
};

void add_replay_options(CLI::App& command, ReplayOptions& options);

// Judges files, watch lists and configuration, and completes options.request. Throws SetupError, or
// ChildFailed with status 2 after the configuration's mistakes were listed on stderr.
void check_replay_options(const Context& context, ReplayOptions& options);

}  // namespace picket::cli
