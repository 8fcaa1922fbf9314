// What each rule of the newest generation has cost, and how often the filter has found its element, over all
// workers: part of the evidence segment.
//
// Writer: the housekeeping thread, about once a second, from tables that the workers keep in their own
// memory. Readers copy it under the sequence counter. Index i is rule i of the generation; rules beyond
// rule_costs_max are judged like all others, but their cost is not told.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/api/abi.h"
#include "dataplane/api/rule_blob.h"
#include "dataplane/api/seqlock.h"

namespace picket::api {

inline constexpr std::size_t rule_costs_max = 32'768;

// All counts since the generation was handed over. cycles * candidates / measured estimates the cycles of
// all.
struct RuleCost {
    std::uint64_t candidates = 0;       // requests and payloads that the rule was judged for
    std::uint64_t measured = 0;         // of them, those whose judgement was timed
    std::uint64_t cycles = 0;           // TSC cycles of those that were timed
    std::uint64_t hits = 0;             // judgements that held, before flowbits and thresholds
    std::uint64_t limits_exceeded = 0;  // judgements given up at a bound of steps: no hit
    std::uint64_t found = 0;            // texts in which the filter found the rule's element
};
static_assert(sizeof(RuleCost) == 48 && alignof(RuleCost) == 8);

struct alignas(cache_line) RuleCostArea {
    SequenceCounter sequence;
    std::uint64_t generation = 0;  // 0: no rules yet
    std::uint64_t rules = 0;       // entries of costs in use, at most rule_costs_max
    std::array<std::uint64_t, filter_group_count>
        scanned{};  // texts that the filter has scanned, by FilterGroup
    std::array<RuleCost, rule_costs_max> costs{};
};

}  // namespace picket::api
