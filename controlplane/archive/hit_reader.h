// Hits, alerts and losses of an archive, read whole for the time that is asked for.
//
// Not thread-safe. Throw ArchiveUnreadable.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "controlplane/archive/archive_writer.h"
#include "controlplane/archive/database.h"

namespace picket::archive {

// Deduplicated as live ones are, from the hits of all hours that the interval touches. At most alerts_max,
// the newest; horizon_ns is what the others ended before, 0 if there are none.
AlertAnswer read_alerts(Connection& connection, const ArchiveView& view,
                        std::optional<std::uint64_t> since_ns, std::optional<std::uint64_t> until_ns);

// Hits as they came: never fewer than those of the query's interval, rule, source and destination's port.
void read_hits(Connection& connection, const ArchiveView& view, const store::Query& query,
               const Archive::VisitHit& visit);

// The losses that touch [since, until), one by one.
std::vector<LossRow> read_losses(Connection& connection, const ArchiveView& view,
                                 std::optional<std::uint64_t> since_ns,
                                 std::optional<std::uint64_t> until_ns);

}  // namespace picket::archive
