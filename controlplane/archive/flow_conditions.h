// The filters of a query as conditions on the table `flows`.
//
// What the conditions select is never less than what the query asks for: parts of flows of several parts pass
// whichever end they have first, and whatever is judged on a whole flow is left to the caller.
#pragma once

#include <string>

#include "controlplane/store/query.h"

namespace picket::archive {

// "a AND b AND ...", or "true". With query.records, parts are judged by their own times.
[[nodiscard]] std::string flow_conditions(const store::Query& query);

// A condition on NAME_hi and NAME_lo that every address of the set fulfils: exact for sets of usual size,
// else the range of all.
[[nodiscard]] std::string one_end_condition(const std::string& name, const store::NetworkSet& set);
[[nodiscard]] bool is_exact(const store::NetworkSet& set);

// Of parts that end before the query's interval and belong to flows that reach into it.
[[nodiscard]] std::string earlier_part_conditions(const store::Query& query, std::uint64_t start_ns_min);

// The row is a flow by itself.
inline constexpr const char* whole_flow = "(part = 1 AND final = 1)";

}  // namespace picket::archive
