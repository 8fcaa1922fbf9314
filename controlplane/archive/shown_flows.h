// Which flows of an answer are shown, where an order and a limit leave most of them out: of those alone
// is read what rows show.
//
// Functions are thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "controlplane/archive/archive_writer.h"
#include "controlplane/archive/flow_rows.h"
#include "controlplane/store/query.h"

namespace picket::archive {

// Does the query show few flows, which lie near each other in time and are chosen by what totals need of
// them?
[[nodiscard]] bool shows_few(const store::Query& query) noexcept;

struct ShownFlows {
    struct Time {
        std::uint64_t first_ns;
        std::uint64_t last_ns;
    };

    FlowKeys keys;
    std::vector<Time> times;  // of each flow, UTC
    std::string ids;          // as SQL lists them

    [[nodiscard]] bool touch(const ArchiveFile& file) const noexcept;
};

// rows: parts of flows, with what totals need; view.open and live belong to the answer too. REQUIRES:
// shows_few(query).
[[nodiscard]] ShownFlows shown_flows(const store::Query& query, const std::deque<store::StoredFlow>& rows,
                                     const ArchiveView& view, std::span<const store::StoredFlow> live);

// The same flows, whenever they were.
[[nodiscard]] store::Query without_times(store::Query query);

}  // namespace picket::archive
