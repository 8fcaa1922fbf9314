// Totals of flows of one part, added up by the engine instead of being told one by one.
//
// Not thread-safe.
#pragma once

#include <string>

#include "controlplane/archive/archive_writer.h"
#include "controlplane/archive/database.h"
#include "controlplane/store/shapes.h"

namespace picket::archive {

// Do conditions judge a flow of one part as exactly as store::matches, and is the shape made of sums?
[[nodiscard]] bool are_totals(const store::Query& query);

// Which rows of the query's conditions are added up: flows of one part, of our own, but for some ids.
// ids_left_out: with commas between; may be empty.
[[nodiscard]] std::string totalled_condition(const std::string& ids_left_out);

// False, and the flows are still to be told, if the engine's memory does not suffice. REQUIRES: are_totals.
// Throws ArchiveUnreadable.
[[nodiscard]] bool add_totals(Connection& connection, const ArchiveView& view, const store::Query& query,
                              const std::string& condition, store::FlowShaper& shaper);

}  // namespace picket::archive
