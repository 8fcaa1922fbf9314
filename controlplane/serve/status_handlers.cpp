#include "controlplane/serve/status_handlers.h"

#include <numeric>

#include "controlplane/serve/archive_handlers.h"
#include "controlplane/serve/flow_json.h"
#include "controlplane/serve/http_answer.h"
#include "controlplane/serve/metrics.h"
#include "controlplane/store/time_text.h"
#include "version.h"

namespace picket::serve {

namespace {

using Counters = api::WorkerCounters;

double rate(std::uint64_t now, std::uint64_t before, double seconds) {
    return now > before && seconds > 0 ? static_cast<double>(now - before) / seconds : 0.0;
}

std::uint64_t total(const std::array<std::uint64_t, api::xdp_queues_max>& queues) {
    return std::accumulate(queues.begin(), queues.end(), std::uint64_t{0});
}

const char* state_name(const drain::LinkStatus& link) {
    if (!link.segments) return "starting";
    if (!link.connected && !link.input_finished) return "gone";
    switch (link.segments->state()) {
        case api::DataplaneState::starting:
            return "starting";
        case api::DataplaneState::held:
            return "held";
        case api::DataplaneState::running:
            return "running";
        case api::DataplaneState::finished:
            // Finished is told when what it left behind is drained too.
            return link.input_finished ? "finished" : "running";
        case api::DataplaneState::failed:
            break;
    }
    return "failed";
}

// The same counters are read at one moment for all of the answer.
struct View {
    detect::CounterSnapshot now;
    std::optional<CounterPair> pair;
    std::uint64_t tsc_hz = 0;
};

std::optional<View> view_of(const Sensor& sensor) {
    const auto link = sensor.link();
    auto counters = sensor.counters();
    if (!counters) return std::nullopt;
    auto pair = sensor.recent_counters();
    if (pair && (pair->now.workers.size() != counters->workers.size() ||
                 pair->before.workers.size() != counters->workers.size() ||
                 pair->before.ports.size() != counters->ports.size())) {
        pair.reset();
    }
    return View{std::move(*counters), std::move(pair), link.segments->layout().tsc_hz};
}

Json xdp_json(const api::PortCounters& counters, const detect::Audit& audit) {
    if (counters.has_xdp == 0) return nullptr;
    const std::uint64_t packets = total(counters.xdp_packets);
    const std::uint64_t no_socket = total(counters.xdp_no_socket);
    const std::uint64_t reached = audit.received + no_socket;
    return {{"packets", packets},
            {"bytes", total(counters.xdp_bytes)},
            {"no_socket", no_socket},
            {"lost_before_rx", packets > reached ? packets - reached : 0}};
}

Json ports_json(const std::optional<View>& view) {
    Json rows = Json::array();
    for (std::size_t i = 0; view && i < view->now.ports.size(); ++i) {
        const auto& port = view->now.ports[i];
        const auto& counters = port.counters;
        const auto audit = view->now.port_audit(i);
        Json row{{"name", port.name},
                 {"group", port.group},
                 {"device", port.device},
                 {"link_up", counters.link_up != 0},
                 {"speed_mbit_s", counters.speed_mbit_s},
                 {"queues", counters.queues},
                 {"rss_symmetric", counters.rss_symmetric != 0}};
        Json audited = audit_json(audit);
        audited["received_bytes"] = audit.received_bytes;
        row.update(audited);
        row["link"] = link_json(audit);
        double packets_per_s = 0;
        double bits_per_s = 0;
        if (view->pair) {
            const auto before = view->pair->before.port_audit(i);
            const auto now = view->pair->now.port_audit(i);
            packets_per_s = rate(now.received, before.received, view->pair->seconds());
            bits_per_s = 8 * rate(now.received_bytes, before.received_bytes, view->pair->seconds());
        }
        row.update({{"device_packets", counters.device_packets},
                    {"missed", counters.missed},
                    {"errors", counters.errors},
                    {"no_mbuf", counters.no_mbuf},
                    {"xdp", xdp_json(counters, audit)},
                    {"packets_per_s", packets_per_s},
                    {"bits_per_s", bits_per_s}});
        rows.push_back(std::move(row));
    }
    return rows;
}

double busy_percent(const View& view, std::size_t worker) {
    const auto& counters = view.now.workers[worker].counters;
    std::uint64_t busy = counters.cycles_busy;
    std::uint64_t idle = counters.cycles_idle;
    if (view.pair) {
        const auto& now = view.pair->now.workers[worker].counters;
        const auto& before = view.pair->before.workers[worker].counters;
        if (now.cycles_busy + now.cycles_idle > before.cycles_busy + before.cycles_idle) {
            busy = now.cycles_busy - std::min(now.cycles_busy, before.cycles_busy);
            idle = now.cycles_idle - std::min(now.cycles_idle, before.cycles_idle);
        }
    }
    return busy + idle == 0 ? 0.0 : 100.0 * static_cast<double>(busy) / static_cast<double>(busy + idle);
}

std::uint64_t processed(const detect::WorkerSnapshot& worker, std::size_t ports) {
    std::uint64_t packets = 0;
    for (std::size_t port = 0; port < ports; ++port) {
        detect::Audit audit;
        audit.add(worker.ports[port]);
        packets += audit.in_flows + audit.outcomes_total();
    }
    return packets;
}

Json workers_json(const std::optional<View>& view) {
    Json rows = Json::array();
    for (std::size_t i = 0; view && i < view->now.workers.size(); ++i) {
        const auto& counters = view->now.workers[i].counters;
        const std::uint64_t packets = processed(view->now.workers[i], view->now.ports.size());
        const auto per_packet = [&](std::uint64_t cycles) {
            return packets == 0 ? 0.0 : static_cast<double>(cycles) / static_cast<double>(packets);
        };
        Json stages = Json::object();
        for (std::size_t stage = 0; stage < api::stage_count; ++stage) {
            stages[std::string(api::stage_names[stage])] = per_packet(counters.cycles_stage[stage]);
        }
        Json dropped = Json::object();
        for (std::size_t kind = 1; kind < api::event_kind_count; ++kind) {
            if (api::event_kind_names[kind].empty()) continue;
            dropped[std::string(api::event_kind_names[kind])] = counters.events_dropped[kind];
        }
        rows.push_back({{"worker", i},
                        {"packets", packets},
                        {"busy_percent", busy_percent(*view, i)},
                        {"cycles_per_packet", per_packet(counters.cycles_busy)},
                        {"stages", std::move(stages)},
                        {"cpu_ns", counters.cpu_ns},
                        {"bursts", counters.bursts},
                        {"flows_active", counters.flows_active},
                        {"generation", counters.rules_generation},
                        {"events_dropped", std::move(dropped)}});
    }
    return rows;
}

Json flows_json(const Sensor& sensor, const View& view) {
    double new_per_s = 0;
    if (view.pair) {
        new_per_s = rate(view.pair->now.sum(&Counters::flows_created),
                         view.pair->before.sum(&Counters::flows_created), view.pair->seconds());
    }
    return {{"active", view.now.sum(&Counters::flows_active)},
            {"capacity", view.now.sum(&Counters::flow_capacity)},
            {"created", view.now.sum(&Counters::flows_created)},
            {"ended", view.now.sum(&Counters::flows_ended)},
            {"new_per_s", new_per_s},
            {"folded", view.now.audit().outcome(api::Outcome::folded)},
            {"records_folded", view.now.sum(&Counters::folded_records)},
            {"begun_late", view.now.sum(&Counters::flows_begun_late)},
            {"recent_kept", sensor.flows().size()},
            {"recent_capacity", sensor.flows().capacity()}};
}

// The present or the last time of folding; null if there was none.
Json fold_json(const Sensor& sensor) {
    constexpr std::size_t parties_shown = 10;
    const auto time = sensor.folds().latest(parties_shown);
    if (!time) return nullptr;
    const auto rows = [](const std::vector<detect::FoldParty>& parties) {
        Json list = Json::array();
        for (const auto& party : parties) {
            list.push_back({{"party", detect::party_text(party)},
                            {"packets", party.packets},
                            {"bytes", party.bytes},
                            {"records", party.records}});
        }
        return list;
    };
    return {{"lasts", time->lasts},
            {"begin", store::format_time(time->begin_ns)},
            {"last", store::format_time(time->last_ns)},
            {"packets", time->counts.packets},
            {"bytes", time->counts.bytes},
            {"records", time->counts.records},
            {"record_bytes", time->counts.record_bytes},
            {"hits", time->counts.hits},
            {"victims", rows(time->victims)},
            {"networks", rows(time->networks)}};
}

Json events_json(const View& view) {
    Json dropped = Json::object();
    for (std::size_t kind = 1; kind < api::event_kind_count; ++kind) {
        if (api::event_kind_names[kind].empty()) continue;
        dropped[std::string(api::event_kind_names[kind])] =
            view.now.events_dropped(static_cast<api::EventKind>(kind));
    }
    // How long the rings could take events at the present rate, were nobody to drain them.
    Json seconds;
    if (view.pair) {
        const double bytes_per_s = rate(view.pair->now.ring_written_bytes,
                                        view.pair->before.ring_written_bytes, view.pair->seconds());
        if (bytes_per_s > 0) seconds = static_cast<double>(view.now.ring_bytes) / bytes_per_s;
    }
    return {{"dropped", std::move(dropped)},
            {"queue_used_bytes", view.now.ring_used_bytes},
            {"queue_bytes", view.now.ring_bytes},
            {"queue_seconds", std::move(seconds)}};
}

void status(const httplib::Request&, httplib::Response& response, Sensor& sensor) {
    const auto link = sensor.link();
    const auto view = view_of(sensor);
    const auto rules = sensor.rules().state();
    const std::uint64_t now = sensor.now_ns();
    const bool replay = link.segments && link.segments->layout().replay;
    Json dataplane{{"connected", link.connected},
                   {"pid", link.segments ? Json(link.segments->layout().process_id) : Json()},
                   {"run_id", link.segments ? Json(std::to_string(link.segments->layout().run_id)) : Json()},
                   {"reconnects", link.connections > 0 ? link.connections - 1 : 0},
                   {"started", link.segments ? time_or_null(link.segments->layout().started_utc_ns) : Json()},
                   {"trouble", link.trouble.empty() ? Json() : Json(link.trouble)}};
    Json document{
        {"sensor", sensor.settings().name},
        {"version", PICKET_VERSION},
        {"state", sensor.is_closed_archive() ? "archive" : state_name(link)},
        {"replay", replay},
        {"now", store::format_time(now)},
        {"started", store::format_time(sensor.started_ns())},
        {"uptime_s", static_cast<double>(detect::utc_now_ns() - sensor.started_ns()) / 1e9},
        {"dataplane", std::move(dataplane)},
        {"rules",
         {{"loaded", rules.loaded}, {"rejected", rules.rejects.size()}, {"generation", rules.generation}}},
        {"ports", ports_json(view)},
        {"workers", workers_json(view)}};
    if (view) {
        document["flows"] = flows_json(sensor, *view);
        document["fold"] = fold_json(sensor);
        document["loss"] = {{"nic", view->now.device_lost()},
                            {"rings", view->now.flow_records_dropped()},
                            {"before_us_bytes", sensor.bytes_lost_before_us()}};
        document["events"] = events_json(*view);
        document["audit"] = audit_json(view->now.audit());
        document["link"] = link_json(view->now.audit());
        document["link"]["displaced"] = view->now.sum(&Counters::duplicates_displaced);
    }
    document["alerts"] = {{"total", sensor.alerts().alerts_total()},
                          {"hits", sensor.alerts().hits_total()},
                          {"below_threshold", sensor.thresholds().suppressed()},
                          {"per_minute", sensor.alerts().new_alerts_in_last_minute()}};
    if (sensor.archive()) document["archive"] = archive_json(sensor);
    document["coverage"] = coverage_json(sensor.coverage({}));
    document["horizon"] = time_or_null(sensor.flows().horizon_ns());
    Json notes = Json::array();
    if (const auto note = horizon_note("flows", sensor.flows().horizon_ns(), {})) notes.push_back(*note);
    if (const auto note = horizon_note("alerts", sensor.alerts().horizon_ns(), {})) notes.push_back(*note);
    if (!notes.empty()) document["notes"] = std::move(notes);
    send_json(response, document);
}

void counters(const httplib::Request&, httplib::Response& response, Sensor& sensor) {
    Json rows = Json::array();
    for (const auto& family : collect_metrics(sensor)) {
        for (const auto& metric : family.metric) {
            Json labels = Json::object();
            for (const auto& label : metric.label) labels[label.name] = label.value;
            const bool counts = family.type == prometheus::MetricType::Counter;
            const double value = counts ? metric.counter.value : metric.gauge.value;
            rows.push_back({{"name", family.name}, {"labels", std::move(labels)}});
            // Whole numbers read better without a point.
            if (value == static_cast<double>(static_cast<std::int64_t>(value))) {
                rows.back()["value"] = static_cast<std::int64_t>(value);
            } else {
                rows.back()["value"] = value;
            }
        }
    }
    send_json(response, {{"time", store::format_time(detect::utc_now_ns())}, {"rows", std::move(rows)}});
}

}  // namespace

Json audit_json(const detect::Audit& audit) {
    Json outcomes = Json::object();
    for (std::size_t i = 0; i < api::outcome_count; ++i) {
        outcomes[std::string(api::outcome_names[i])] = audit.outcomes[i];
    }
    return {{"received", audit.received},
            {"in_flows", audit.in_flows},
            {"held", audit.held},
            {"outcomes", std::move(outcomes)},
            {"in_transit", audit.in_transit()},
            {"balanced", audit.balanced()}};
}

Json link_json(const detect::Audit& audit) {
    return {{"duplicates", audit.duplicates},
            {"recorded", audit.recorded},
            {"one_way", audit.recorded_one_way},
            {"swapped", audit.recorded_swapped}};
}

void add_status_handlers(httplib::Server& server, Sensor& sensor) {
    server.Get("/v1/status", [&sensor](const httplib::Request& request, httplib::Response& response) {
        status(request, response, sensor);
    });
    server.Get("/v1/ports", [&sensor](const httplib::Request&, httplib::Response& response) {
        send_json(response, {{"rows", ports_json(view_of(sensor))}});
    });
    server.Get("/v1/workers", [&sensor](const httplib::Request&, httplib::Response& response) {
        send_json(response, {{"rows", workers_json(view_of(sensor))}});
    });
    server.Get("/v1/counters", [&sensor](const httplib::Request& request, httplib::Response& response) {
        counters(request, response, sensor);
    });
    add_metrics_handler(server, sensor);
}

void add_metrics_handler(httplib::Server& server, Sensor& sensor) {
    server.Get("/metrics", [&sensor](const httplib::Request&, httplib::Response& response) {
        response.set_content(metrics_text(sensor), "text/plain; version=0.0.4");
    });
}

}  // namespace picket::serve
