// Answers of other shapes than rows: totals, talkers, a timeline, groups.
//
// All count flows by their distinct id and add up packets and bytes of both directions.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
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
    // Of UDP flows, to the server and to the client: IP bytes without the headers of IP and UDP.
    std::array<std::uint64_t, 2> udp_payload{};
    std::uint64_t one_direction = 0;  // flows of foreign logs that tell one: neither answered nor unanswered
    std::uint64_t unanswered = 0;     // of Shape::sum; is_unanswered()

    void add(const StoredFlow& flow, bool records) noexcept;
    void add(const Totals& other) noexcept;
};

struct Sum {
    Totals totals;
    std::uint64_t sources = 0;
    std::uint64_t destinations = 0;
};

struct Group {
    std::string label;   // address, rule id, port, or name of the initiator's first payload
    std::string detail;  // rule's message, protocol of port or payload; empty for addresses
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

// Makes an answer's totals, and the groups or the timeline that the query asks for, of flows that are told
// one by one (parts, if the query asks for parts). Keeps none of them. Not thread-safe.
class FlowShaper {
  public:
    // Both outlive the shaper.
    FlowShaper(const Query& query, const QueryJoin& join);
    ~FlowShaper();
    FlowShaper(FlowShaper&&) noexcept;
    FlowShaper& operator=(FlowShaper&&) = delete;

    void add(const StoredFlow& flow);
    void add(const Selection& selection);
    // The same flows may be told in sums, if the query asks for no groups but talkers: all of one source;
    // each destination once at least; and for a timeline those that began in one interval.
    void add_source(const api::Address& source, const Totals& totals);
    void add_destination(const api::Address& destination);
    void add_interval(const TimelineBucket& bucket);

    [[nodiscard]] Sum sum() const;
    // Groups by descending bytes (or the order that was asked for), all of them. Talkers are groups by
    // source.
    [[nodiscard]] std::vector<Group> groups();
    // Flows by their start; buckets are aligned to UTC and without gaps, the quiet ones included. Empty if
    // there would be more than timeline_buckets_max. By time, or in the order that was asked for.
    [[nodiscard]] std::vector<TimelineBucket> timeline(bool& too_many) const;

  private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

Sum sum_flows(const Selection& selection, const Query& query, const QueryJoin& join);

}  // namespace picket::store
