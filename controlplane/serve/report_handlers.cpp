#include "controlplane/serve/report_handlers.h"

#include <algorithm>
#include <functional>
#include <map>
#include <vector>

#include "controlplane/export/escape_bytes.h"
#include "controlplane/serve/flow_json.h"
#include "controlplane/serve/http_answer.h"
#include "controlplane/serve/rule_handlers.h"
#include "controlplane/serve/status_handlers.h"
#include "controlplane/store/address_text.h"
#include "controlplane/store/protocol_text.h"

namespace picket::serve {

namespace {

constexpr std::size_t talkers_shown = 10;
constexpr std::size_t requests_shown = 10;
constexpr std::size_t alerts_shown = 100;
constexpr std::size_t alerts_shown_of_rule = 3;  // beyond those, so that every rule with hits is named

Json captures_json(const detect::ReplaySummary& summary) {
    Json rows = Json::array();
    for (const auto& capture : summary.captures()) {
        rows.push_back(
            {{"file", capture.path},
             {"packets", capture.packets},
             {"bytes", capture.bytes},
             {"first", time_or_null(capture.first_ns)},
             {"last", time_or_null(capture.last_ns)},
             {"truncated", capture.truncated},
             {"error", capture.error.empty() ? Json() : Json(exporter::escape_bytes(capture.error))}});
    }
    return rows;
}

Json workers_json(const detect::CounterSnapshot& counters, std::uint64_t tsc_hz) {
    Json rows = Json::array();
    for (const auto& worker : counters.workers) {
        detect::Audit audit;
        for (std::size_t port = 0; port < counters.ports.size(); ++port) audit.add(worker.ports[port]);
        const auto busy = static_cast<double>(worker.counters.cycles_busy);
        const auto all = busy + static_cast<double>(worker.counters.cycles_idle);
        double busy_ns = 0;
        if (tsc_hz != 0) {
            busy_ns = busy * 1e9 / static_cast<double>(tsc_hz);
        } else if (all > 0) {
            // Without a clock rate, the thread's own time is shared out.
            busy_ns = static_cast<double>(worker.counters.cpu_ns) * busy / all;
        }
        rows.push_back({{"packets", audit.in_flows + audit.outcomes_total()},
                        {"busy_ns", static_cast<std::uint64_t>(busy_ns)}});
    }
    return rows;
}

Json hits_json(const Sensor& sensor) {
    std::map<std::uint32_t, std::uint64_t> by_sid;
    sensor.alerts().hits_by_rule().for_each(
        [&](std::uint64_t rule, std::uint64_t hits) { by_sid[static_cast<std::uint32_t>(rule)] += hits; });
    Json hits = Json::object();
    for (const auto& [sid, count] : by_sid) hits[std::to_string(sid)] = count;
    return hits;
}

Json alert_rows(const Sensor& sensor) {
    auto alerts = sensor.alerts().all();
    std::stable_sort(alerts.begin(), alerts.end(),
                     [](const auto& a, const auto& b) { return a.first_ns < b.first_ns; });
    Json rows = Json::array();
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> of_rule;
    for (std::size_t i = 0; i < alerts.size(); ++i) {
        const auto& hit = alerts[i].hit;
        const bool is_among_first = ++of_rule[{hit.gid, hit.sid}] <= alerts_shown_of_rule;
        if (i < alerts_shown || is_among_first) rows.push_back(alert_row(alerts[i]));
    }
    return rows;
}

// Every rule that hit, most hits first.
Json rules_hit_json(const Sensor& sensor) {
    std::vector<Json> rows;
    const auto generation = sensor.rules().newest();
    if (!generation) return rows;
    const auto hits = sensor.alerts().hits_by_rule();
    const auto kept = sensor.alerts().all();
    const bool all_kept = kept.size() == sensor.alerts().alerts_total();
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> alerts;
    for (const auto& alert : kept) ++alerts[{alert.hit.gid, alert.hit.sid}];
    for (const auto& rule : *generation->rules) {
        const auto* count = hits.find(std::uint64_t{rule.gid} << 32 | rule.sid);
        if (count == nullptr) continue;
        Json uris = Json::array();
        for (const auto& uri : sensor.samples().uris(rule.gid, rule.sid)) {
            uris.push_back(exporter::escape_bytes(uri));
        }
        rows.push_back({{"gid", rule.gid},
                        {"sid", rule.sid},
                        {"rev", rule.rev},
                        {"msg", exporter::escape_bytes(rule.message)},
                        {"hits", *count},
                        {"alerts", all_kept ? Json(alerts[{rule.gid, rule.sid}]) : Json()},
                        {"uris", std::move(uris)}});
    }
    std::ranges::stable_sort(rows, std::greater(),
                             [](const Json& row) { return row.at("hits").get<std::uint64_t>(); });
    return rows;
}

void add_details(Json& report, const Sensor& sensor) {
    Json talkers = Json::array();
    for (const auto& talker : sensor.summary().talkers(talkers_shown)) {
        talkers.push_back({{"ip", store::format_address(talker.address)},
                           {"flows", talker.flows},
                           {"packets", talker.packets},
                           {"bytes", talker.bytes},
                           {"first", time_or_null(talker.first_ns)},
                           {"last", time_or_null(talker.last_ns)}});
    }
    report["talkers"] = std::move(talkers);
    const auto other = sensor.summary().other_talkers();
    if (other.packets > 0) {
        report["talkers_other"] = {
            {"flows", other.flows}, {"packets", other.packets}, {"bytes", other.bytes}};
    }
    Json protocols = Json::object();
    for (const auto& count : sensor.summary().protocols()) {
        protocols[store::protocol_name(count.protocol)] = count.flows;
    }
    report["protocols"] = std::move(protocols);
    Json requests = Json::array();
    for (const auto& request : sensor.requests().last(requests_shown))
        requests.push_back(request_row(request));
    report["requests"] = std::move(requests);
    report["alert_rows"] = alert_rows(sensor);
    report["rules_hit"] = rules_hit_json(sensor);
    report["rejects"] = reject_rows(sensor.rules().state().rejects);
}

Json report_json(const Sensor& sensor) {
    const auto link = sensor.link();
    const auto rules = sensor.rules().state();
    Json report{{"captures", captures_json(sensor.summary())}};
    if (const auto counters = sensor.counters()) {
        const auto audit = counters->audit();
        Json audited = audit_json(audit);
        audited.erase("in_transit");
        report["packets"] = audit.received;
        report["bytes"] = audit.received_bytes;
        report["audit"] = std::move(audited);
        report["link"] = link_json(audit);
        report["link"]["displaced"] = counters->sum(&api::WorkerCounters::duplicates_displaced);
        report["flows"] = counters->sum(&api::WorkerCounters::flows_created);
        report["http_requests"] = counters->sum(&api::WorkerCounters::http_requests);
        report["workers"] = workers_json(*counters, link.segments->layout().tsc_hz);
    }
    report["alerts"] = sensor.alerts().alerts_total();
    report["alerts_by_rule"] = hits_json(sensor);
    report["scanners"] = sensor.scan_detector().scanners();
    report["rules"] = {
        {"loaded", rules.loaded}, {"rejected", rules.rejects.size()}, {"generation", rules.generation}};
    report["finished"] = sensor.finished();
    if (const std::string failure = sensor.failure(); !failure.empty()) report["failed"] = failure;
    add_details(report, sensor);
    return report;
}

void report(const httplib::Request& request, httplib::Response& response, Sensor& sensor, Waiters& waiters) {
    if (parameter(request, "wait").value_or("0") != "0") {
        const Waiters::Place place(waiters);
        if (place.taken()) sensor.wait_until_finished();
    }
    send_json(response, report_json(sensor));
}

}  // namespace

void add_report_handlers(httplib::Server& server, Sensor& sensor, Waiters& waiters) {
    server.Get("/v1/report",
               [&sensor, &waiters](const httplib::Request& request, httplib::Response& response) {
                   report(request, response, sensor, waiters);
               });
}

}  // namespace picket::serve
