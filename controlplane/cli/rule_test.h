// `picket rule test`: what rules would do, rehearsed on captures.
#pragma once

#include "controlplane/cli/context.h"
#include "controlplane/cli/replay_options.h"

namespace CLI {
class App;
}

namespace picket::cli {

void add_rule_test_command(CLI::App& group, Context& context);

// Seconds that the captures of a report cover together, times that several cover counted once.
[[nodiscard]] double covered_seconds(const Json& captures);

}  // namespace picket::cli
