#include "controlplane/serve/probe_json.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "controlplane/export/escape_bytes.h"
#include "controlplane/serve/flow_json.h"
#include "controlplane/store/address_text.h"
#include "controlplane/store/protocol_text.h"
#include "controlplane/store/shapes.h"
#include "controlplane/store/time_text.h"

namespace picket::serve {
namespace {

using detect::Probe;
using exporter::escape_bytes;
using AddressBytes = std::array<std::uint8_t, 16>;

Json text_or_null(const std::string& text) {
    return text.empty() ? Json() : Json(escape_bytes(text));
}

// What any set of probes has.
struct Counts {
    std::uint64_t seen = 0;
    std::uint64_t inferred = 0;
    std::uint64_t lost = 0;
    std::uint64_t first_ns = 0;
    std::uint64_t last_ns = 0;
    std::array<std::uint64_t, store::outcome_texts.size()> outcomes{};
    std::set<AddressBytes> sources;
    std::set<AddressBytes> destinations;
    std::set<std::tuple<std::uint32_t, std::uint64_t, std::uint32_t>> requests;

    void add(const Probe& probe) {
        ++(probe.inferred ? inferred : seen);
        lost += probe.lost ? 1 : 0;
        first_ns = first_ns == 0 ? probe.time_ns : std::min(first_ns, probe.time_ns);
        last_ns = std::max(last_ns, probe.time_ns);
        ++outcomes[static_cast<std::size_t>(probe.outcome)];
        sources.insert(probe.source.bytes);
        destinations.insert(probe.destination.bytes);
        if (probe.request != api::request_none)
            requests.insert({probe.flow.run, probe.flow.id, probe.request});
    }
    [[nodiscard]] std::uint64_t probes() const noexcept { return seen + inferred; }
    [[nodiscard]] Json json() const {
        return {{"probes", probes()},
                {"seen", seen},
                {"inferred", inferred},
                {"requests", requests.size()},
                {"sources", sources.size()},
                {"destinations", destinations.size()},
                {"answered", outcomes[static_cast<std::size_t>(store::FlowOutcome::answered)]},
                {"outcomes", outcomes_json(outcomes)},
                {"first", time_or_null(first_ns)},
                {"last", time_or_null(last_ns)},
                {"lost", lost}};
    }
};

template <typename Key, typename KeyOf, typename Head>
Json group_rows(std::span<const Probe> probes, KeyOf key_of, Head head) {
    std::map<Key, std::pair<const Probe*, Counts>> groups;
    for (const Probe& probe : probes) {
        auto& [like, counts] = groups[key_of(probe)];
        like = &probe;
        counts.add(probe);
    }
    std::vector<const std::pair<const Probe*, Counts>*> order;
    for (const auto& [key, group] : groups) order.push_back(&group);
    std::ranges::stable_sort(order, std::greater{}, [](const auto* group) { return group->second.probes(); });
    Json rows = Json::array();
    for (const auto* group : order) {
        Json row = head(*group->first);
        row.update(group->second.json());
        rows.push_back(std::move(row));
    }
    return rows;
}

}  // namespace

Json outcomes_json(const std::array<std::uint64_t, store::outcome_texts.size()>& counts) {
    Json outcomes = Json::object();
    for (std::size_t i = 0; i < counts.size(); ++i) {
        if (counts[i] != 0) outcomes[std::string(store::outcome_texts[i])] = counts[i];
    }
    return outcomes;
}

Json probe_row(const Probe& probe) {
    Json row{{"source", store::format_address(probe.source)},
             {"src_port", probe.source_port},
             {"destination", store::format_address(probe.destination)},
             {"port", probe.port},
             {"proto", store::protocol_name(probe.protocol)},
             {"vlan", probe.vlan},
             {"rule", probe.sid},
             {"gid", probe.gid},
             {"rev", probe.rev},
             {"msg", escape_bytes(probe.message)},
             {"severity", probe.severity},
             {"time", store::format_time(probe.time_ns)},
             {"method", text_or_null(probe.method)},
             {"uri", text_or_null(probe.uri)},
             {"host", text_or_null(probe.host)},
             {"referer", text_or_null(probe.referer)},
             {"status", probe.status == 0 ? Json() : Json(probe.status)},
             {"content_type", text_or_null(probe.content_type)},
             {"content_length", probe.content_length < 0 ? Json() : Json(probe.content_length)},
             {"bytes_back", probe.bytes_back},
             {"answered", time_or_null(probe.answered_ns)},
             {"outcome", store::outcome_texts[static_cast<std::size_t>(probe.outcome)]},
             {"inferred", probe.inferred},
             {"lost", probe.lost},
             {"flow_id", probe.flow.id}};
    return row;
}

Json answer_json(const store::AnswerBytes& answer) {
    if (answer.head.empty() && answer.body.empty()) return {};
    return {{"head", escape_bytes(answer.head)},
            {"head_is_whole", answer.head_is_whole},
            {"body", escape_bytes(answer.body)}};
}

Json probe_source_row(const detect::ProbeSource& source) {
    return {{"source", store::format_address(source.source)},
            {"port", source.port},
            {"rule", source.sid},
            {"gid", source.gid},
            {"msg", escape_bytes(source.message)},
            {"first", time_or_null(source.first_ns)},
            {"last", time_or_null(source.last_ns)},
            {"destinations", source.destinations},
            {"seen", source.seen},
            {"inferred", source.inferred},
            {"per_minute", source.per_minute()},
            {"outcomes", outcomes_json(source.outcomes)},
            {"resumed", source.campaigns - 1},
            {"stopped", source.stopped ? time_or_null(source.last_ns) : Json()},
            {"stopped_after_first_answer", source.stopped_after_first_answer}};
}

Json probe_sum(std::span<const Probe> probes) {
    Counts counts;
    for (const Probe& probe : probes) counts.add(probe);
    return counts.json();
}

Json probe_destination_rows(std::span<const Probe> probes) {
    return group_rows<std::pair<AddressBytes, std::uint16_t>>(
        probes, [](const Probe& probe) { return std::pair(probe.destination.bytes, probe.port); },
        [](const Probe& probe) {
            return Json{{"destination", store::format_address(probe.destination)}, {"port", probe.port}};
        });
}

Json probe_rule_rows(std::span<const Probe> probes) {
    return group_rows<std::pair<std::uint32_t, std::uint32_t>>(
        probes, [](const Probe& probe) { return std::pair(probe.gid, probe.sid); },
        [](const Probe& probe) {
            return Json{{"rule", probe.sid}, {"gid", probe.gid}, {"msg", escape_bytes(probe.message)}};
        });
}

Json probe_timeline_rows(std::span<const Probe> probes, std::uint64_t interval_ns) {
    std::map<std::uint64_t, std::pair<std::uint64_t, std::uint64_t>> buckets;
    for (const Probe& probe : probes) {
        auto& [seen, inferred] = buckets[probe.time_ns / interval_ns * interval_ns];
        ++(probe.inferred ? inferred : seen);
    }
    Json rows = Json::array();
    if (buckets.empty()) return rows;
    const std::uint64_t first_ns = buckets.begin()->first;
    const std::uint64_t last_ns = buckets.rbegin()->first;
    // Quiet intervals have rows too, unless they would be the most of a table without end.
    if ((last_ns - first_ns) / interval_ns < store::timeline_buckets_max) {
        for (std::uint64_t time_ns = first_ns; time_ns < last_ns; time_ns += interval_ns) buckets[time_ns];
    }
    for (const auto& [time_ns, counts] : buckets) {
        rows.push_back(
            {{"time", store::format_time(time_ns)}, {"seen", counts.first}, {"inferred", counts.second}});
    }
    return rows;
}

}  // namespace picket::serve
