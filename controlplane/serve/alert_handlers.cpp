#include "controlplane/serve/alert_handlers.h"

#include <algorithm>

#include "controlplane/serve/flow_json.h"
#include "controlplane/serve/http_answer.h"
#include "controlplane/store/protocol_text.h"
#include "controlplane/store/time_text.h"

namespace picket::serve {

namespace {

constexpr std::uint64_t wait_ms_default = 10'000;
constexpr std::uint64_t wait_ms_max = 25'000;

// Filters that need a flow, which an alert of many flows is not.
std::optional<store::Problem> unsuitable(const store::Query& query) {
    const char* name = nullptr;
    if (query.status) name = "status";
    if (query.outcome) name = "outcome";
    if (query.unanswered) name = "unanswered";
    if (query.packets_min > 0) name = "min_packets";
    if (query.bytes_min > 0) name = "min_bytes";
    if (query.records) name = "records";
    if (!query.counts_ends) name = "count_ends";
    if (query.shape != store::Shape::rows) name = "shape";
    if (query.sort > store::SortKey::last) name = "sort";
    if (!name) return std::nullopt;
    return store::Problem{"alerts cannot be filtered so", std::string("parameter ") + name,
                          "it is told of flows, and an alert may stand for many",
                          "ask for flows with 'picket flow show --rule SID'"};
}

// For answers that are no list of rows: nothing is left out of them, and nothing is first.
std::optional<store::Problem> unordered(const httplib::Request& request, const store::Query& query,
                                        const char* what, const char* remedy) {
    if (auto problem = unsuitable(query)) return problem;
    for (const char* name : {"limit", "sort"}) {
        if (!parameter(request, name)) continue;
        return store::Problem{what, std::string("parameter ") + name,
                              "it chooses rows to show, and none are shown by their order", remedy};
    }
    return std::nullopt;
}

bool any_of(const store::Networks& networks, const std::vector<api::Address>& addresses) {
    return std::any_of(addresses.begin(), addresses.end(),
                       [&](const api::Address& address) { return networks->contains(address); });
}

bool matches(const store::Query& query, const detect::Alert& alert) {
    const auto& hit = alert.hit;
    if (!store::overlaps(query, alert.first_ns, alert.last_ns)) return false;
    for (const auto& either : {query.hosts, query.watch}) {
        if (either && !any_of(either, alert.sources) && !either->contains(hit.destination)) return false;
    }
    if (query.source && !any_of(query.source, alert.sources)) return false;
    if (query.destination && !query.destination->contains(hit.destination)) return false;
    if (query.protocol && hit.protocol != *query.protocol) return false;
    if (query.vlan && hit.vlan != *query.vlan) return false;
    const bool ports = store::has_ports(hit.protocol);
    if (query.port && (!ports || (hit.source_port != *query.port && hit.destination_port != *query.port))) {
        return false;
    }
    if (query.source_port && (!ports || hit.source_port != *query.source_port)) return false;
    if (query.destination_port && (!ports || hit.destination_port != *query.destination_port)) return false;
    if (query.rule && (hit.sid != query.rule->sid || hit.gid != query.rule->gid.value_or(hit.gid)))
        return false;
    return !query.uri || query.uri->matches(hit.uri);
}

// Null: nobody has acknowledged it. `new` are the hits since then, or all.
Json row_of(const detect::Alert& alert, Sensor& sensor) {
    Json row = alert_row(alert);
    const auto known = sensor.acknowledgements().find(alert);
    row["acknowledged"] = known ? Json(store::format_time(known->time_ns)) : Json();
    row["new"] = known ? alert.count - std::min(alert.count, known->count) : alert.count;
    return row;
}

bool has_news(const detect::Alert& alert, Sensor& sensor) {
    const auto known = sensor.acknowledgements().find(alert);
    return !known || known->count < alert.count;
}

void acknowledge(const httplib::Request& request, httplib::Response& response, Sensor& sensor) {
    if (refuse_in_archive(response, sensor, "nothing can be acknowledged here", "/v1/alerts/ack")) return;
    const auto query = query_of(request, response, sensor);
    if (!query) return;
    if (const auto problem = unordered(request, *query, "alerts cannot be acknowledged so",
                                       "narrow it with other filters, as rule=SID"))
        return send_problem(response, *problem);
    auto found = sensor.alerts_of(*query).alerts;
    std::erase_if(found, [&](const detect::Alert& alert) { return !matches(*query, alert); });
    const std::size_t news = sensor.acknowledgements().add(found, detect::utc_now_ns());
    const std::string trouble = sensor.acknowledgements().trouble();
    send_json(response, {{"alerts", found.size()},
                         {"acknowledged", news},
                         {"trouble", trouble.empty() ? Json() : Json(trouble)}});
}

void alerts(const httplib::Request& request, httplib::Response& response, Sensor& sensor) {
    const auto query = query_of(request, response, sensor, {"unacknowledged"});
    if (!query) return;
    if (const auto problem = unsuitable(*query)) return send_problem(response, *problem);
    auto [found, horizon_ns] = sensor.alerts_of(*query);
    const bool news_only = parameter(request, "unacknowledged").has_value();
    std::erase_if(found, [&](const detect::Alert& alert) {
        return !matches(*query, alert) || (news_only && !has_news(alert, sensor));
    });
    std::stable_sort(found.begin(), found.end(), [&](const detect::Alert& a, const detect::Alert& b) {
        const bool by_last = query->sort == store::SortKey::last;
        const auto time_a = by_last ? a.last_ns : a.first_ns;
        const auto time_b = by_last ? b.last_ns : b.first_ns;
        return query->descending ? time_a > time_b : time_a < time_b;
    });
    const std::size_t shown = std::min(query->limit.value_or(SIZE_MAX), found.size());
    std::uint64_t hits = 0;
    for (const auto& alert : found) hits += alert.count;
    Json rows = Json::array();
    for (std::size_t i = 0; i < shown; ++i) rows.push_back(row_of(found[i], sensor));
    Json document{{"rows", std::move(rows)},
                  {"sum", {{"alerts", found.size()}, {"hits", hits}}},
                  {"coverage", coverage_json(sensor.coverage(*query))},
                  {"truncated", shown < found.size()},
                  {"interval", interval_json(*query)},
                  {"horizon", time_or_null(horizon_ns)}};
    if (const auto note = horizon_note("alerts", horizon_ns, *query)) document["notes"] = {*note};
    send_json(response, document);
}

void tail(const httplib::Request& request, httplib::Response& response, Sensor& sensor, Waiters& waiters) {
    const auto query = query_of(request, response, sensor, {"after", "wait_ms"});
    if (!query) return;
    if (const auto problem = unordered(request, *query, "alerts that come cannot be asked for so",
                                       "leave it, and stop reading when there were enough"))
        return send_problem(response, *problem);
    Json rows = Json::array();
    // Without a position the caller learns the present one, and misses nothing after it.
    if (!parameter(request, "after")) {
        return send_json(response, {{"rows", rows}, {"next", sensor.alerts().feed_position()}});
    }
    const std::uint64_t after = number_parameter(request, "after", 0);
    const Waiters::Place place(waiters);
    const auto wait =
        place.taken() ? std::min(number_parameter(request, "wait_ms", wait_ms_default), wait_ms_max) : 0;
    const auto feed = sensor.alerts().tail(after, std::chrono::milliseconds(wait));
    for (const auto& alert : feed.alerts) {
        if (matches(*query, alert)) rows.push_back(row_of(alert, sensor));
    }
    send_json(response, {{"rows", std::move(rows)}, {"next", feed.next}});
}

void events(const httplib::Request& request, httplib::Response& response, Sensor& sensor) {
    const auto query = query_of(request, response, sensor);
    if (!query) return;
    auto found = sensor.events().all();
    std::erase_if(found,
                  [&](const auto& event) { return !store::overlaps(*query, event.time_ns, event.time_ns); });
    const std::size_t shown = std::min(query->limit.value_or(SIZE_MAX), found.size());
    Json rows = Json::array();
    // The newest are the ones of interest.
    for (std::size_t i = found.size() - shown; i < found.size(); ++i) {
        rows.push_back({{"time", store::format_time(found[i].time_ns)},
                        {"kind", found[i].kind},
                        {"text", found[i].text}});
    }
    send_json(response, {{"rows", std::move(rows)},
                         {"coverage", coverage_json(sensor.coverage(*query))},
                         {"truncated", shown < found.size()}});
}

}  // namespace

void add_alert_handlers(httplib::Server& server, Sensor& sensor, Waiters& waiters) {
    using Handle = void (*)(const httplib::Request&, httplib::Response&, Sensor&);
    const auto bind = [&sensor](Handle handle) {
        return [&sensor, handle](const httplib::Request& request, httplib::Response& response) {
            handle(request, response, sensor);
        };
    };
    server.Get("/v1/alerts", bind(alerts));
    server.Post("/v1/alerts", bind(alerts));
    server.Post("/v1/alerts/ack", bind(acknowledge));
    const auto tail_waiting = [&sensor, &waiters](const httplib::Request& request,
                                                  httplib::Response& response) {
        tail(request, response, sensor, waiters);
    };
    server.Get("/v1/alerts/tail", tail_waiting);
    server.Post("/v1/alerts/tail", tail_waiting);
    server.Get("/v1/events", bind(events));
}

}  // namespace picket::serve
