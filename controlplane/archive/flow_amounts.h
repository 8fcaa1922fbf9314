// What flows of one part add up to: as SQL over the columns of `flows`, and as columns of its answer.
//
// The same numbers as store::Totals::add makes of the rows. Functions are thread-safe.
#pragma once

#include <string>
#include <vector>

#include "controlplane/archive/column.h"

namespace picket::archive {

// The row is a flow by itself and tells all that is added up: imported ones may not, and have bit 31.
inline constexpr const char* told_flow = "(part = 1 AND final = 1 AND flags < 2147483648)";

// As store::is_unanswered and StoredFlow::responder_sent_payload have it: no TCP flow has first bytes that
// its history does not tell of.
inline constexpr const char* unanswered_flow =
    "if(proto = 6, first_status = 0 AND NOT contains(history::VARCHAR, 'd'), pkts_toclient = 0)";

// "... AS flows, ... AS packets, ... AS bytes".
[[nodiscard]] std::string traffic_amounts();
// The columns of add_amount_columns(): traffic, `first` and `last` (UTC, nanoseconds; 0: no flow), payload of
// UDP, and how many are unanswered, if that is wanted (else 0).
[[nodiscard]] std::string all_amounts(bool unanswered);

// The destination alone.
[[nodiscard]] std::vector<Column<api::Address>> destination_columns();

// Row has a member `totals`, a store::Totals.
template <typename Row>
void add_amount_columns(std::vector<Column<Row>>& columns) {
    const auto add = [&](const char* name, auto field) { columns.push_back(number<Row>(name, field)); };
    add(
        "flows", [](auto& row) -> auto& { return row.totals.flows; });
    add(
        "packets", [](auto& row) -> auto& { return row.totals.packets; });
    add(
        "bytes", [](auto& row) -> auto& { return row.totals.bytes; });
    add(
        "first", [](auto& row) -> auto& { return row.totals.first_ns; });
    add(
        "last", [](auto& row) -> auto& { return row.totals.last_ns; });
    add(
        "udp_toserver", [](auto& row) -> auto& { return row.totals.udp_payload[0]; });
    add(
        "udp_toclient", [](auto& row) -> auto& { return row.totals.udp_payload[1]; });
    add(
        "unanswered", [](auto& row) -> auto& { return row.totals.unanswered; });
}

}  // namespace picket::archive
