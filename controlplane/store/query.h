// A question about flows: filters, shape and order, after parsing.
//
// Plain value; matching is const and thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "controlplane/store/network_set.h"
#include "controlplane/store/outcome.h"
#include "controlplane/store/request_source.h"
#include "controlplane/store/rule_directory.h"
#include "controlplane/store/stored_flow.h"
#include "controlplane/store/uri_pattern.h"
#include "dataplane/api/mailbox.h"

namespace picket::store {

enum class Shape : std::uint8_t { rows, sum, talkers, timeline, by };
enum class GroupBy : std::uint8_t { source, destination, rule, port, payload };
enum class SortKey : std::uint8_t { first, last, packets, bytes, duration };

using Networks = std::shared_ptr<const NetworkSet>;  // nullptr: any

struct RuleId {
    std::optional<std::uint32_t> gid;
    std::uint32_t sid = 0;
};

struct Query {
    std::optional<std::uint64_t> flow_id;
    std::optional<std::uint64_t> since_ns;  // inclusive
    std::optional<std::uint64_t> until_ns;  // exclusive
    Networks hosts;                         // either end
    Networks watch;                         // either end
    Networks source;
    Networks destination;
    std::optional<std::uint16_t> port;  // either end
    std::optional<std::uint16_t> source_port;
    std::optional<std::uint16_t> destination_port;
    std::optional<std::uint8_t> protocol;
    std::optional<std::uint16_t> vlan;
    std::optional<RuleId> rule;
    std::shared_ptr<const UriPattern> uri;  // any request of the flow, raw or normalised
    std::optional<std::uint16_t> status;    // any response of the flow
    std::optional<FlowOutcome> outcome;
    bool unanswered = false;
    std::uint64_t packets_min = 0;
    std::uint64_t bytes_min = 0;

    std::optional<std::size_t> limit;
    SortKey sort = SortKey::first;
    bool descending = false;
    bool sorted = false;   // an order was asked for: those of groups have another default
    bool records = false;  // parts instead of flows
    Shape shape = Shape::rows;
    GroupBy group_by = GroupBy::source;
    std::uint64_t interval_ns = 0;  // timeline
    bool every_field = false;       // of flows, whatever the shape shows
    bool counts_ends = true;        // totals tell how many sources and destinations there are
};

// What flows are joined with while they are judged. Both outlive the query.
struct QueryJoin {
    const RequestSource& requests;
    const RuleDirectory& rules;
};

// Does [first, last] touch the query's interval?
bool overlaps(const Query& query, std::uint64_t first_ns, std::uint64_t last_ns) noexcept;

// Ends, ports, protocol: what is the same for every part of a flow.
bool matches_ends(const Query& query, const StoredFlow& flow) noexcept;

// Do nothing but addresses and times choose the flows? Whoever adds a filter has to name it here.
bool is_of_addresses_and_times(const Query& query) noexcept;

// All filters, for a flow whose parts are added up (or a part, if parts are asked for).
bool matches(const Query& query, const StoredFlow& flow, const QueryJoin& join);

bool matches_rule(const RuleId& rule, const StoredFlow& flow, const RuleDirectory& rules);

// As much of the query as workers can apply while they walk their tables; never stricter than the query.
api::WalkFilter walk_filter(const Query& query) noexcept;

}  // namespace picket::store
