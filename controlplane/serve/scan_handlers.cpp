#include "controlplane/serve/scan_handlers.h"

#include <algorithm>

#include "controlplane/detect/scan_details.h"
#include "controlplane/serve/flow_json.h"
#include "controlplane/serve/http_answer.h"
#include "controlplane/serve/probe_json.h"
#include "controlplane/store/address_text.h"
#include "controlplane/store/protocol_text.h"

namespace picket::serve {
namespace {

using detect::Scan;
using detect::ScanDetails;
using detect::ScanKind;
using store::Query;

std::optional<store::Problem> unsuitable(const Query& query) {
    const char* name = nullptr;
    if (query.packets_min > 0) name = "min_packets";
    if (query.bytes_min > 0) name = "min_bytes";
    if (query.records) name = "records";
    if (!query.counts_ends) name = "count_ends";
    if (query.shape != store::Shape::rows) name = "shape";
    if (query.rule) name = "rule";
    if (query.uri) name = "uri";
    if (query.status) name = "status";
    if (query.outcome || query.unanswered) name = "outcome";
    if (query.vlan) name = "vlan";
    if (query.source_port) name = "sport";
    if (query.sort > store::SortKey::last) name = "sort";
    if (!name) return std::nullopt;
    return store::Problem{"scans cannot be asked for so", std::string("parameter ") + name,
                          "it is told of flows, and a scan is many",
                          "ask for a scanner's flows with 'picket flow show --src HOST'"};
}

Query interval_of(const Query& query) {
    Query interval;
    interval.since_ns = query.since_ns;
    interval.until_ns = query.until_ns;
    return interval;
}

bool shows(const Query& query, const Scan& scan) {
    if (!store::overlaps(query, scan.first_ns, scan.last_ns)) return false;
    if (query.protocol && scan.protocol != *query.protocol) return false;
    for (const auto& port : {query.port, query.destination_port}) {
        if (port && scan.kind != ScanKind::port_scan && scan.port != *port) return false;
    }
    return true;
}

// Do the ends that a scan itself knows fulfil the query: of a port scan both, of a sweep its source and the
// newest of its many destinations, of a distributed scan the newest ones? The newest may be none of an
// interval.
bool has_ends(const Query& query, const Scan& scan) {
    const bool interval = query.since_ns || query.until_ns;
    if (interval && scan.kind == ScanKind::sweep && (query.hosts || query.watch || query.destination))
        return false;
    for (const auto& either : {query.hosts, query.watch}) {
        if (either && !either->contains(scan.source) && !either->contains(scan.destination)) return false;
    }
    if (query.source && !query.source->contains(scan.source)) return false;
    return !query.destination || query.destination->contains(scan.destination);
}

// Can other flows of the scan have ends that fulfil the query?
bool may_have_ends(const Query& query, const Scan& scan) {
    if (scan.kind == ScanKind::distributed) return true;
    return scan.kind == ScanKind::sweep && (!query.source || query.source->contains(scan.source));
}

// Leaves the scans that have a flow with the query's ends.
void keep_those_with_ends(std::vector<Scan>& scans, const Query& query, Sensor& sensor) {
    std::vector<bool> kept;
    bool undecided = false;
    std::erase_if(scans,
                  [&](const Scan& scan) { return !has_ends(query, scan) && !may_have_ends(query, scan); });
    for (const Scan& scan : scans) {
        kept.push_back(has_ends(query, scan));
        undecided = undecided || !kept.back();
    }
    if (!undecided) return;
    Query flows = interval_of(query);
    flows.hosts = query.hosts;
    flows.watch = query.watch;
    flows.source = query.source;
    flows.destination = query.destination;
    const detect::FlowsOfScans belonging(scans);
    const auto keep = [&](std::size_t scan) { kept[scan] = true; };
    sensor.each_flow(flows, [&](const store::StoredFlow& flow) {
        belonging.visit(flow, keep);
        belonging.visit_distributed(flow, keep);
    });
    std::size_t next = 0;
    std::erase_if(scans, [&](const Scan&) { return !kept[next++]; });
}

const char* state_of(const ScanDetails& details) noexcept {
    if (details.stopped_after_first_answer) return "stopped after its first answered probe";
    return details.stopped ? "stopped" : "going on";
}

Json scan_row(const Scan& scan, const ScanDetails& details, bool one_way) {
    const bool crowd = scan.kind == ScanKind::distributed;
    const bool port_scan = scan.kind == ScanKind::port_scan;
    const bool told = details.flows != 0;
    return {{"source", crowd ? Json() : Json(store::format_address(scan.source))},
            {"sources", scan.sources},
            {"kind", detect::name_of(scan.kind)},
            {"proto", store::protocol_name(scan.protocol)},
            {"port", port_scan || scan.port == 0 ? Json() : Json(scan.port)},
            {"destination", port_scan ? Json(store::format_address(scan.destination)) : Json()},
            {"destinations", told        ? details.destinations
                             : port_scan ? 1
                                         : scan.targets},
            {"ports", told        ? details.ports
                      : port_scan ? scan.targets
                                  : 1},
            {"failures", told ? details.failures : scan.failures},
            {"outcomes", outcomes_json(details.outcomes)},
            {"flows", details.flows},
            {"first", time_or_null(told ? details.first_ns : scan.first_ns)},
            {"last", time_or_null(told ? details.last_ns : scan.last_ns)},
            {"flagged", time_or_null(scan.flagged_ns)},
            {"state", state_of(details)},
            {"one_way", one_way}};
}

// Details from the flows of the scans' sources within the interval.
FlowAnswer gather(detect::ScanDetailer& detailer, std::span<const Scan> scans, const Query& query,
                  Sensor& sensor) {
    std::vector<store::Network> sources;
    for (const Scan& scan : scans) {
        if (scan.kind != ScanKind::distributed) sources.push_back({scan.source, 128});
    }
    Query flows = interval_of(query);
    flows.source = std::make_shared<const store::NetworkSet>(sources);
    FlowAnswer answer = sensor.each_flow(flows, [&](const store::StoredFlow& flow) { detailer.add(flow); });
    if (detailer.left_out() > 0) {
        answer.notes.push_back("of the scans' flows " + std::to_string(detailer.left_out()) +
                               " are not in their outcomes and destinations: narrow --since and --until, or "
                               "name --src");
    }
    return answer;
}

void scans(const httplib::Request& request, httplib::Response& response, Sensor& sensor) {
    if (!sensor.keeps_flows()) return send_problem(response, no_flows_kept("/v1/scans"));
    const auto query = query_of(request, response, sensor);
    if (!query) return;
    if (const auto problem = unsuitable(*query)) return send_problem(response, *problem);
    const ScanAnswer known = sensor.scans(*query);
    auto found = known.scans;
    std::erase_if(found, [&](const Scan& scan) { return !shows(*query, scan); });
    keep_those_with_ends(found, *query, sensor);
    std::ranges::stable_sort(found, {}, [&](const Scan& scan) {
        return query->sort == store::SortKey::last ? scan.last_ns : scan.flagged_ns;
    });
    if (query->descending) std::ranges::reverse(found);
    const std::size_t shown = std::min(query->limit.value_or(SIZE_MAX), found.size());
    const auto seen = std::span(found).first(shown);
    detect::ScanDetailer detailer(seen);
    FlowAnswer answer = gather(detailer, seen, *query, sensor);
    // Of an interval that has ended it is told how things stood then.
    const std::uint64_t now_ns = std::min(answer.now_ns, query->until_ns.value_or(UINT64_MAX));
    // What has no flow in an interval of which all is known was before and after it.
    const bool all_is_known =
        (query->since_ns || query->until_ns) && answer.horizon_ns == 0 && answer.notes.empty();
    answer.notes.insert(answer.notes.end(), known.notes.begin(), known.notes.end());
    Json rows = Json::array();
    std::size_t silent = 0;
    for (std::size_t i = 0; i < shown; ++i) {
        const ScanDetails details = detailer.details(i, now_ns);
        if (all_is_known && details.flows == 0 && seen[i].kind != ScanKind::distributed) {
            ++silent;
        } else {
            rows.push_back(scan_row(seen[i], details, known.one_way));
        }
    }
    Json document{{"rows", std::move(rows)},
                  {"sum", {{"scans", found.size() - silent}, {"forgotten", known.forgotten}}},
                  {"coverage", coverage_json(answer.coverage)},
                  {"truncated", shown < found.size()},
                  {"interval", interval_json(*query)},
                  {"horizon", time_or_null(answer.horizon_ns)}};
    if (!answer.notes.empty()) document["notes"] = answer.notes;
    send_json(response, document);
}

}  // namespace

void add_scan_handlers(httplib::Server& server, Sensor& sensor) {
    const auto handler = [&sensor](const httplib::Request& request, httplib::Response& response) {
        scans(request, response, sensor);
    };
    server.Get("/v1/scans", handler);
    server.Post("/v1/scans", handler);
}

}  // namespace picket::serve
