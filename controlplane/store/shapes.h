// Answers of other shapes than rows: totals, talkers, a timeline, groups.
//
// All count flows by their distinct id and add up packets and bytes of both directions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "controlplane/store/query.h"
#include "controlplane/store/selection.h"

namespace picket::store {

struct Totals {
    std::uint64_t flows = 0;
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    std::uint64_t first_ns = 0;  // 0: no flow
    std::uint64_t last_ns = 0;

    void add(const StoredFlow& flow, bool records) noexcept;
};

struct Sum {
    Totals totals;
    std::uint64_t sources = 0;
    std::uint64_t destinations = 0;
};

struct Group {
    std::string label;   // address, rule id or port
    std::string detail;  // rule's message, port's protocol; empty for addresses
    Totals totals;
    std::uint64_t sources = 0;  // distinct ends of the group's flows
    std::uint64_t destinations = 0;
};

struct TimelineBucket {
    std::uint64_t time_ns = 0;
    std::uint64_t flows = 0;
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
};

inline constexpr std::size_t timeline_buckets_max = 100'000;

Sum sum_flows(const Selection& selection, bool records);

// Groups by descending bytes (or the query's own order), all of them.
std::vector<Group> group_flows(const Selection& selection, GroupBy group_by, const Query& query,
                               const QueryJoin& join);

// Flows by their start; buckets are aligned to UTC and without gaps, the quiet ones included. Empty if there
// would be more than timeline_buckets_max.
std::vector<TimelineBucket> timeline_flows(const Selection& selection, const Query& query, bool& too_many);

}  // namespace picket::store
