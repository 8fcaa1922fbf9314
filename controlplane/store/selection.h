// The flows that answer a query: ended and live ones, parts added up, filtered, sorted and limited.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

#include "controlplane/store/flow_source.h"
#include "controlplane/store/query.h"

namespace picket::store {

// Rows point into the snapshot or into `merged`; both live as long as the selection. Immutable once made.
struct Selection {
    std::shared_ptr<const FlowSnapshot> snapshot;
    std::deque<StoredFlow> merged;
    std::vector<const StoredFlow*> rows;
    std::size_t distinct_flows = 0;  // among all that matched
    bool truncated = false;          // the limit left rows out

    Selection() = default;
    Selection(Selection&&) = default;
    Selection& operator=(Selection&&) = default;
};

// live: snapshots of flows that were in the data plane's tables, taken before the source's snapshot. A part
// that has ended since is taken from the source. Rows are sorted; the limit is applied if `limited`.
Selection select_flows(std::shared_ptr<const FlowSnapshot> snapshot, std::vector<StoredFlow> live,
                       const Query& query, const QueryJoin& join, bool limited);

}  // namespace picket::store
