// Flows and alerts as lines for other programs: the operator's netflow log format, and EVE.
#pragma once

#include <string>
#include <vector>

#include "controlplane/cli/context.h"

namespace picket::cli {

// "2003/08/22 15:09:54 67.73.21.6.50416 -> 192.0.2.7.27015 17 1 37": one line a direction that has packets,
// in the zone of `times`.
[[nodiscard]] std::vector<std::string> netflow_lines(const Json& row, const TimeText& times);

// One EVE record, event_type flow or alert.
[[nodiscard]] Json eve_flow(const Json& row);
[[nodiscard]] Json eve_alert(const Json& row);

}  // namespace picket::cli
