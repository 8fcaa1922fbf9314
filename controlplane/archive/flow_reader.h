// Flows of an archive that may answer a query, and their requests.
//
// Not thread-safe; what it returns is immutable.
#pragma once

#include <span>

#include "controlplane/archive/archive_writer.h"
#include "controlplane/archive/database.h"

namespace picket::archive {

inline constexpr std::size_t archived_parts_max = 4'000'000;

// Rows that lie in files are read at once; those that wait to be written are referred to. live, whole: as in
// Archive::ask. Throws ArchiveUnreadable, also if there are more than archived_parts_max.
FlowAnswer read_flows(Connection& connection, ArchiveView view, const store::Query& query,
                      std::span<const store::StoredFlow> live, const Archive::WholeFlows& whole,
                      std::uint64_t horizon_ns);

}  // namespace picket::archive
