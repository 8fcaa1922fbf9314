// The filters of a query as conditions on the table `flows`.
//
// What the conditions select is never less than what the query asks for: parts of flows of several parts pass
// whichever end they have first, and whatever is judged on a whole flow is left to the caller.
#pragma once

#include <string>

#include "controlplane/archive/manifest.h"
#include "controlplane/store/query.h"

namespace picket::archive {

// "a AND b AND ...", or "true". With query.records, parts are judged by their own times. judged: a set of the
// query's whose condition is left out, because the caller has it.
[[nodiscard]] std::string flow_conditions(const store::Query& query,
                                          const store::NetworkSet* judged = nullptr);

// A condition on NAME_hi and NAME_lo that every address of the set fulfils: of its addresses for sets of
// usual size, else of all their range.
[[nodiscard]] std::string one_end_condition(const std::string& name, const store::NetworkSet& set);
[[nodiscard]] bool is_exact(const store::NetworkSet& set);
// Does no other address fulfil it?
[[nodiscard]] bool is_strict(const store::NetworkSet& set);
// "NAME_lo BETWEEN ... AND ", or "": a range of all, by which the engine skips rows before it reads their
// other columns, which it does not by a list of values.
[[nodiscard]] std::string span_condition(const std::string& name, const store::NetworkSet& set);

// UTC, both included.
[[nodiscard]] std::string started_between(std::uint64_t first_ns, std::uint64_t last_ns);

// Is an address of the set within the range?
[[nodiscard]] bool reaches(const store::NetworkSet& set, const AddressRange& range);

// Of parts that end before the query's interval and belong to flows that reach into it.
[[nodiscard]] std::string earlier_part_conditions(const store::Query& query, std::uint64_t start_ns_min,
                                                  const store::NetworkSet* judged = nullptr);

// Flows with an address of the set at an end, in two conditions of which each row fulfils one at most: such
// that the sort order finds the first, and the index the second.
struct EndConditions {
    std::string source;
    std::string destination;
    std::string only_destination;  // where no row fulfils the first, and it is not asked
};
// set: one of the query's own, exact.
[[nodiscard]] EndConditions end_conditions(const store::Query& query, const store::NetworkSet& set);

// The row is a flow by itself.
inline constexpr const char* whole_flow = "(part = 1 AND final = 1)";

}  // namespace picket::archive
