#include "controlplane/store/shapes.h"

#include <algorithm>
#include <map>

#include "controlplane/store/address_text.h"
#include "controlplane/store/flat_map.h"
#include "controlplane/store/outcome.h"
#include "controlplane/store/payload_name.h"
#include "controlplane/store/protocol_text.h"

namespace picket::store {

namespace {

struct GroupKey {
    api::Address address;
    std::uint64_t number = 0;  // gid << 32 | sid, or protocol << 16 | port or kind of payload

    bool operator==(const GroupKey&) const = default;
    [[nodiscard]] std::uint64_t hash(const FlatHash& base) const noexcept {
        return mix_words(base(address), number);
    }
};

struct GroupedFlow {
    std::uint64_t group = 0;
    FlowKey flow;

    bool operator==(const GroupedFlow&) const = default;
    [[nodiscard]] std::uint64_t hash(const FlatHash& base) const noexcept {
        return mix_words(flow.hash(base), group);
    }
};

struct EndKey {
    std::uint64_t group = 0;
    api::Address address;
    bool is_source = false;

    bool operator==(const EndKey&) const = default;
    [[nodiscard]] std::uint64_t hash(const FlatHash& base) const noexcept {
        return mix_words(base(address), group * 2 + (is_source ? 1 : 0));
    }
};

// A flow of one part: no other part of it will come.
bool is_whole(const StoredFlow& flow) noexcept {
    return flow.part == 1 && flow.final != 0;
}

class Grouper {
  public:
    // ends: of each group the distinct ones are counted.
    Grouper(bool records, bool ends) : records_(records), counts_ends_(ends) {}

    // detail is called once a group.
    template <typename Detail>
    void add(const GroupKey& key, Detail&& detail, const StoredFlow& flow) {
        const std::uint64_t number = number_of(key, detail);
        Group& group = groups_[number - 1];
        group.totals.add(flow, records_);
        if (records_ && !is_whole(flow)) {
            // Parts of one flow count once.
            std::uint8_t& seen = flows_[{number, flow.key()}];
            if (seen) --group.totals.flows;
            seen = 1;
        }
        if (!counts_ends_) return;
        add_end({number, flow.source, true}, group.sources);
        add_end({number, flow.destination, false}, group.destinations);
    }
    void add(const GroupKey& key, const Totals& totals) {
        const auto none = [] { return std::string(); };
        groups_[number_of(key, none) - 1].totals.add(totals);
    }

    std::vector<Group> groups_;
    std::vector<GroupKey> keys_;

  private:
    template <typename Detail>
    std::uint64_t number_of(const GroupKey& key, Detail&& detail) {
        std::uint64_t& number = numbers_[key];
        if (number == 0) {
            groups_.push_back({});
            keys_.push_back(key);
            groups_.back().detail = detail();
            number = groups_.size();
        }
        return number;
    }
    void add_end(const EndKey& key, std::uint64_t& count) {
        std::uint8_t& seen = ends_[key];
        if (!seen) ++count;
        seen = 1;
    }

    bool records_;
    bool counts_ends_;
    FlatMap<GroupKey, std::uint64_t> numbers_;
    FlatMap<EndKey, std::uint8_t> ends_;
    FlatMap<GroupedFlow, std::uint8_t> flows_;
};

void add_rules(Grouper& grouper, const StoredFlow& flow, const RuleDirectory& rules) {
    const auto generation = flow.rule_count ? rules.generation(flow.rule_generation) : nullptr;
    if (!generation) return;
    for (unsigned i = 0; i < flow.rules_kept(); ++i) {
        const auto* info = generation->rule(flow.rules[i]);
        if (info)
            grouper.add(
                {{}, std::uint64_t{info->gid} << 32 | info->sid}, [&] { return info->message; }, flow);
    }
}

std::string label_of(const GroupKey& key, GroupBy group_by) {
    switch (group_by) {
        case GroupBy::source:
        case GroupBy::destination:
            return format_address(key.address);
        case GroupBy::rule:
            return std::to_string(key.number & 0xffffffff);
        case GroupBy::port:
            return std::to_string(key.number & 0xffff);
        case GroupBy::payload:
            return std::string(payload_kind_name(key.number & 0xffff));
    }
    return {};
}

std::uint64_t sort_value(const Totals& totals, SortKey key) noexcept {
    switch (key) {
        case SortKey::first:
            return totals.first_ns;
        case SortKey::last:
            return totals.last_ns;
        case SortKey::packets:
            return totals.packets;
        case SortKey::bytes:
            return totals.bytes;
        case SortKey::duration:
            return totals.last_ns - totals.first_ns;
    }
    return 0;
}

// They come by time, which is also the order of those that are equal. All last as long.
void sort_timeline(std::vector<TimelineBucket>& buckets, const Query& query) {
    if (!query.sorted) return;
    const auto value = [&](const TimelineBucket& bucket) {
        if (query.sort == SortKey::packets) return bucket.packets;
        return query.sort == SortKey::bytes ? bucket.bytes : bucket.time_ns;
    };
    std::stable_sort(buckets.begin(), buckets.end(), [&](const TimelineBucket& a, const TimelineBucket& b) {
        return query.descending ? value(a) > value(b) : value(a) < value(b);
    });
}

}  // namespace

void Totals::add(const StoredFlow& flow, bool records) noexcept {
    const std::uint64_t first = records ? flow.part_first_ns : flow.start_ns;
    ++flows;
    packets += flow.packets();
    bytes += flow.bytes();
    first_ns = first_ns == 0 ? first : std::min(first_ns, first);
    last_ns = std::max(last_ns, flow.last_ns);
    if (flow.is_imported() && outcome_of(flow) == FlowOutcome::unknown) ++one_direction;
    if (is_unanswered(flow)) ++unanswered;
    if (flow.protocol == protocol_udp) {
        const std::uint64_t headers = flow.source.is_ipv4() ? 28 : 48;
        for (std::size_t side = 0; side < 2; ++side) {
            const api::FlowDirection& direction = flow.directions[side];
            udp_payload[side] += direction.bytes - std::min(direction.bytes, headers * direction.packets);
        }
    }
}

void Totals::add(const Totals& other) noexcept {
    if (other.flows == 0) return;
    first_ns = flows == 0 ? other.first_ns : std::min(first_ns, other.first_ns);
    flows += other.flows;
    packets += other.packets;
    bytes += other.bytes;
    last_ns = std::max(last_ns, other.last_ns);
    for (std::size_t side = 0; side < udp_payload.size(); ++side)
        udp_payload[side] += other.udp_payload[side];
    one_direction += other.one_direction;
    unanswered += other.unanswered;
}

struct FlowShaper::Parts {
    Parts(const Query& asked, const QueryJoin& joined)
        : query(asked), join(joined), grouper(asked.records, asked.shape == Shape::by) {}

    void count_once(const StoredFlow& flow);
    void group(const StoredFlow& flow);
    void place(const StoredFlow& flow);

    const Query& query;
    QueryJoin join;
    Totals totals;
    FlatMap<api::Address, std::uint8_t> sources;
    FlatMap<api::Address, std::uint8_t> destinations;
    enum : std::uint8_t { cut_seen = 1, cut_answered = 2 };
    FlatMap<FlowKey, std::uint8_t> cut;  // flows of which parts were counted
    Grouper grouper;
    std::map<std::uint64_t, TimelineBucket> buckets;
    FlatMap<FlowKey, std::uint8_t> placed;  // flows of which parts are in the timeline
};

// A part has just been added: its flow counts once, and as unanswered if none of its parts was answered.
void FlowShaper::Parts::count_once(const StoredFlow& flow) {
    std::uint8_t& known = cut[flow.key()];
    const bool before = (known & cut_seen) != 0 && (known & cut_answered) == 0;
    const bool unanswered = is_unanswered(flow);
    if ((known & cut_seen) != 0) {
        --totals.flows;
        if (unanswered) --totals.unanswered;
        if (before && !unanswered) --totals.unanswered;
    }
    known |= unanswered ? cut_seen : cut_seen | cut_answered;
}

void FlowShaper::Parts::group(const StoredFlow& flow) {
    const auto none = [] { return std::string(); };
    switch (query.shape == Shape::talkers ? GroupBy::source : query.group_by) {
        case GroupBy::source:
            return grouper.add({flow.source, 0}, none, flow);
        case GroupBy::destination:
            return grouper.add({flow.destination, 0}, none, flow);
        case GroupBy::rule:
            return add_rules(grouper, flow, join.rules);
        case GroupBy::port: {
            const std::uint64_t port = has_ports(flow.protocol) ? flow.destination_port : 0;
            return grouper.add(
                {{}, std::uint64_t{flow.protocol} << 16 | port}, [&] { return protocol_name(flow.protocol); },
                flow);
        }
        case GroupBy::payload:
            return grouper.add(
                {{}, std::uint64_t{flow.protocol} << 16 | payload_kind(flow, 0)},
                [&] { return protocol_name(flow.protocol); }, flow);
    }
}

void FlowShaper::Parts::place(const StoredFlow& flow) {
    TimelineBucket& bucket = buckets[flow.start_ns - flow.start_ns % query.interval_ns];
    std::uint8_t* counted = query.records && !is_whole(flow) ? &placed[flow.key()] : nullptr;
    if (!counted || !*counted) ++bucket.flows;
    if (counted) *counted = 1;
    bucket.packets += flow.packets();
    bucket.bytes += flow.bytes();
}

FlowShaper::FlowShaper(const Query& query, const QueryJoin& join)
    : parts_(std::make_unique<Parts>(query, join)) {}
FlowShaper::~FlowShaper() = default;
FlowShaper::FlowShaper(FlowShaper&&) noexcept = default;

void FlowShaper::add(const StoredFlow& flow) {
    Parts& parts = *parts_;
    parts.totals.add(flow, parts.query.records);
    if (parts.query.records && !is_whole(flow)) parts.count_once(flow);
    parts.sources[flow.source] = 1;
    parts.destinations[flow.destination] = 1;
    if (parts.query.shape == Shape::timeline) {
        parts.place(flow);
    } else if (parts.query.shape == Shape::talkers || parts.query.shape == Shape::by) {
        parts.group(flow);
    }
}

void FlowShaper::add(const Selection& selection) {
    for (const auto* flow : selection.rows) add(*flow);
}

void FlowShaper::add_source(const api::Address& source, const Totals& totals) {
    parts_->totals.add(totals);
    parts_->sources[source] = 1;
    if (parts_->query.shape == Shape::talkers) parts_->grouper.add({source, 0}, totals);
}

void FlowShaper::add_destination(const api::Address& destination) {
    parts_->destinations[destination] = 1;
}

void FlowShaper::add_interval(const TimelineBucket& told) {
    TimelineBucket& bucket = parts_->buckets[told.time_ns];
    bucket.flows += told.flows;
    bucket.packets += told.packets;
    bucket.bytes += told.bytes;
}

Sum FlowShaper::sum() const {
    return {parts_->totals, parts_->sources.size(), parts_->destinations.size()};
}

std::vector<Group> FlowShaper::groups() {
    const Query& query = parts_->query;
    Grouper& grouper = parts_->grouper;
    const GroupBy group_by = query.shape == Shape::talkers ? GroupBy::source : query.group_by;
    for (std::size_t i = 0; i < grouper.groups_.size(); ++i) {
        grouper.groups_[i].label = label_of(grouper.keys_[i], group_by);
    }
    const SortKey key = query.sorted ? query.sort : SortKey::bytes;
    const bool descending = !query.sorted || query.descending;
    std::sort(grouper.groups_.begin(), grouper.groups_.end(), [&](const Group& a, const Group& b) {
        const std::uint64_t of_a = sort_value(a.totals, key);
        const std::uint64_t of_b = sort_value(b.totals, key);
        if (of_a != of_b) return descending ? of_a > of_b : of_a < of_b;
        return a.label != b.label ? a.label < b.label : a.detail < b.detail;
    });
    return std::move(grouper.groups_);
}

std::vector<TimelineBucket> FlowShaper::timeline(bool& too_many) const {
    const auto& buckets = parts_->buckets;
    const std::uint64_t interval_ns = parts_->query.interval_ns;
    std::vector<TimelineBucket> timeline;
    if (buckets.empty()) return timeline;
    const std::uint64_t first = buckets.begin()->first;
    const std::uint64_t last = buckets.rbegin()->first;
    too_many = (last - first) / interval_ns >= timeline_buckets_max;
    if (too_many) return timeline;
    for (std::uint64_t time = first; time <= last; time += interval_ns) {
        const auto found = buckets.find(time);
        timeline.push_back(found == buckets.end() ? TimelineBucket{} : found->second);
        timeline.back().time_ns = time;
    }
    sort_timeline(timeline, parts_->query);
    return timeline;
}

Sum sum_flows(const Selection& selection, const Query& query, const QueryJoin& join) {
    Query totals_only = query;
    totals_only.shape = Shape::sum;
    FlowShaper shaper(totals_only, join);
    shaper.add(selection);
    return shaper.sum();
}

}  // namespace picket::store
