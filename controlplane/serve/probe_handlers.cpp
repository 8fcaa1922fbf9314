#include "controlplane/serve/probe_handlers.h"

#include <algorithm>

#include "controlplane/detect/probe_ledger.h"
#include "controlplane/serve/flow_json.h"
#include "controlplane/serve/http_answer.h"
#include "controlplane/serve/probe_json.h"
#include "controlplane/store/hit_choice.h"

namespace picket::serve {
namespace {

using detect::Probe;
using store::Query;

constexpr std::size_t hits_max = 200'000;  // that one answer is made of

std::optional<store::Problem> unsuitable(const Query& query) {
    const char* name = nullptr;
    if (query.packets_min > 0) name = "min_packets";
    if (query.bytes_min > 0) name = "min_bytes";
    if (query.records) name = "records";
    if (!query.counts_ends) name = "count_ends";
    if (query.sort > store::SortKey::last) name = "sort";
    if (query.sorted && query.shape == store::Shape::by) name = "sort";
    if (query.shape == store::Shape::talkers) name = "shape";
    if (query.shape == store::Shape::by && query.group_by >= store::GroupBy::port) name = "by";
    if (!name) return std::nullopt;
    return store::Problem{"probes cannot be asked for so", std::string("parameter ") + name,
                          "it is told of flows, and a probe is a request or an attempt",
                          "ask for flows with 'picket flow show --rule SID'"};
}

// Destinations, times and outcomes choose among the ledger's rows: a campaign is more than what is asked
// about.
bool shows(const Query& query, const Probe& probe) {
    if (!store::overlaps(query, probe.time_ns, probe.time_ns)) return false;
    for (const auto& either : {query.hosts, query.watch}) {
        if (either && !either->contains(probe.source) && !either->contains(probe.destination)) return false;
    }
    if (query.destination && !query.destination->contains(probe.destination)) return false;
    if (query.flow_id && probe.flow.id != *query.flow_id) return false;
    if (query.port && probe.port != *query.port && probe.source_port != *query.port) return false;
    if (query.source_port && probe.source_port != *query.source_port) return false;
    if (query.destination_port && probe.port != *query.destination_port) return false;
    if (query.protocol && probe.protocol != *query.protocol) return false;
    if (query.vlan && probe.vlan != *query.vlan) return false;
    if (query.status && probe.status != *query.status) return false;
    if (query.unanswered && probe.outcome == store::FlowOutcome::answered) return false;
    return !query.outcome || probe.outcome == *query.outcome;
}

// The flows of the hits and of whatever else their sources did around the interval.
FlowAnswer flows_of(const store::Hits& hits, const Query& query, Sensor& sensor) {
    std::vector<store::Network> sources;
    for (const auto& hit : hits) sources.push_back({hit->ends.client, 128});
    Query flows;
    flows.since_ns = query.since_ns;
    flows.until_ns = query.until_ns;
    flows = store::widened(flows, detect::campaign_reach_ns);
    flows.hosts = std::make_shared<const store::NetworkSet>(sources);
    FlowAnswer answer = sensor.ask(flows, false);
    answer.coverage = sensor.coverage(query);
    return answer;
}

Json rows_json(std::span<const Probe> probes) {
    Json rows = Json::array();
    for (const Probe& probe : probes) rows.push_back(probe_row(probe));
    return rows;
}

// The first bytes of what came back, where packets of it are kept. rows: of the probes, in their order.
void add_answers(Json& rows, std::span<const Probe> probes, const FlowAnswer& answer, const Sensor& sensor) {
    store::FlatMap<store::FlowKey, store::Packets> by_flow;
    for (const Probe& probe : probes) {
        if (!probe.inferred) by_flow[probe.flow];
    }
    store::ChosenFlows chosen;
    for (const auto* flow : answer.selection.rows) {
        if (by_flow.find(flow->key()) != nullptr) chosen.add(*flow);
    }
    for (const auto& packet : sensor.packets_of(chosen).packets) by_flow[packet->flow].push_back(packet);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto* packets = by_flow.find(probes[i].flow);
        if (packets == nullptr || packets->empty()) continue;
        rows[i]["answer"] = answer_json(store::answer_after(*packets, probes[i].time_ns));
        rows[i]["packets_kept"] = packets->size();
    }
}

// Rows are made as far as they are shown.
Json shaped(const std::vector<Probe>& probes, const Query& query, std::uint64_t now_ns) {
    switch (query.shape) {
        case store::Shape::timeline:
            return probe_timeline_rows(probes, query.interval_ns);
        case store::Shape::by: {
            if (query.group_by == store::GroupBy::destination) return probe_destination_rows(probes);
            if (query.group_by == store::GroupBy::rule) return probe_rule_rows(probes);
            Json rows = Json::array();
            for (const auto& source : detect::group_by_source(probes, now_ns))
                rows.push_back(probe_source_row(source));
            return rows;
        }
        case store::Shape::rows:
            return rows_json(
                std::span(probes).first(std::min(query.limit.value_or(SIZE_MAX), probes.size())));
        case store::Shape::sum:
        case store::Shape::talkers:
            break;
    }
    return Json::array();
}

void probes(const httplib::Request& request, httplib::Response& response, Sensor& sensor) {
    if (!sensor.keeps_flows()) return send_problem(response, no_flows_kept("/v1/probes"));
    const auto query = query_of(request, response, sensor, {"answers"});
    if (!query) return;
    if (const auto problem = unsuitable(*query)) return send_problem(response, *problem);
    store::HitChoice choice(*query, detect::campaign_reach_ns, hits_max);
    const std::uint64_t hits_horizon_ns =
        sensor.each_hit(store::widened(*query, detect::campaign_reach_ns),
                        [&](const store::StoredHit& hit) { choice.add(hit); });
    const store::Hits hits = choice.take();
    const FlowAnswer answer = flows_of(hits, *query, sensor);
    const auto join = sensor.join(answer);
    auto ledger = detect::make_ledger(
        hits, answer.selection.rows, [&](const store::FlowKey& flow) { return join.requests.of_flow(flow); });
    std::erase_if(ledger, [&](const Probe& probe) { return !shows(*query, probe); });
    if (query->descending && query->shape == store::Shape::rows) std::reverse(ledger.begin(), ledger.end());
    // Of an interval that has ended it is told how things stood then.
    Json rows = shaped(ledger, *query, std::min(answer.now_ns, query->until_ns.value_or(UINT64_MAX)));
    const std::size_t all = query->shape == store::Shape::rows ? ledger.size() : rows.size();
    const std::size_t shown = std::min(query->limit.value_or(SIZE_MAX), all);
    if (rows.size() > shown) rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(shown), rows.end());
    if (parameter(request, "answers") && query->shape == store::Shape::rows)
        add_answers(rows, std::span(ledger).first(shown), answer, sensor);
    const std::uint64_t horizon_ns = std::max({hits_horizon_ns, answer.horizon_ns, choice.horizon_ns()});
    Json document{{"rows", std::move(rows)},
                  {"sum", probe_sum(ledger)},
                  {"coverage", coverage_json(answer.coverage)},
                  {"truncated", shown < all},
                  {"interval", interval_json(*query)},
                  {"horizon", time_or_null(horizon_ns)}};
    std::vector<std::string> notes = answer.notes;
    for (auto& note : choice.notes()) notes.push_back(std::move(note));
    if (const auto note = horizon_note("hits", hits_horizon_ns, *query)) notes.push_back(*note);
    if (!notes.empty()) document["notes"] = notes;
    send_json(response, document);
}

}  // namespace

void add_probe_handlers(httplib::Server& server, Sensor& sensor) {
    const auto handler = [&sensor](const httplib::Request& request, httplib::Response& response) {
        probes(request, response, sensor);
    };
    server.Get("/v1/probes", handler);
    server.Post("/v1/probes", handler);
}

}  // namespace picket::serve
