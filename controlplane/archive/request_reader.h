// HTTP requests of flows, put together from an archive's files and the rows that wait to be written.
//
// Not thread-safe; what it returns is immutable.
#pragma once

#include <cstdint>
#include <memory>

#include "controlplane/archive/archive_writer.h"
#include "controlplane/archive/database.h"
#include "controlplane/archive/flow_rows.h"
#include "controlplane/store/flat_map.h"
#include "controlplane/store/request_source.h"

namespace picket::archive {

// The flows whose requests are wanted, and when they were.
struct WantedFlows {
    FlowKeys keys;
    std::uint64_t first_ns = UINT64_MAX;
    std::uint64_t last_ns = 0;

    void add(const store::StoredFlow& flow);
};

inline constexpr std::size_t archived_requests_max = 1'000'000;

// Requests with their responses. Throws ArchiveUnreadable, also if there are more than archived_requests_max.
std::shared_ptr<const store::RequestSource> read_requests(Connection& connection, const ArchiveView& view,
                                                          const WantedFlows& wanted);

}  // namespace picket::archive
