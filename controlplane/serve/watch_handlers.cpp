#include <algorithm>

#include "controlplane/serve/flow_json.h"
#include "controlplane/serve/http_answer.h"
#include "controlplane/serve/rule_handlers.h"
#include "controlplane/store/address_text.h"

namespace picket::serve {

namespace {

// Flows that touch the list, counted by entry. A list that came after the flows is answered as well as one
// that was there before: both ask the same store.
detect::WatchCount count_list(const FlowAnswer& answer, const store::Networks& networks) {
    detect::WatchCount count(networks);
    for (const auto* flow : answer.selection.rows) count.add(*flow);
    return count;
}

std::size_t seen_entries(const detect::WatchCount& count) {
    std::size_t seen = 0;
    for (const auto& entry : count.entries()) seen += entry.seen() ? 1 : 0;
    return seen;
}

store::Problem no_list(const std::string& name) {
    return {"there is no watch list '" + name.substr(0, 63) + "'",
            "/v1/watch",
            "none of this name is loaded",
            "see 'picket watch list', or load it with 'picket watch load NAME FILE'",
            404,
            2};
}

void list(const httplib::Request&, httplib::Response& response, Sensor& sensor) {
    Json rows = Json::array();
    const auto lists = sensor.watch_lists().all();
    std::vector<store::Network> everything;
    for (const auto& [name, networks] : lists) {
        everything.insert(everything.end(), networks->entries().begin(), networks->entries().end());
    }
    store::Query query;
    query.watch = std::make_shared<store::NetworkSet>(everything);
    const FlowAnswer answer = lists.empty() ? FlowAnswer{} : sensor.ask(query, false);
    for (const auto& [name, networks] : lists) {
        rows.push_back({{"name", name},
                        {"entries", networks->entries().size()},
                        {"seen", seen_entries(count_list(answer, networks))},
                        {"generation", sensor.rules().state().generation}});
    }
    Json document{{"rows", std::move(rows)},
                  {"coverage", coverage_json(sensor.coverage(query))},
                  {"horizon", time_or_null(answer.horizon_ns)}};
    if (!answer.notes.empty()) document["notes"] = answer.notes;
    send_json(response, document);
}

Json entry_row(const detect::WatchEntry& entry) {
    Json row;
    row[entry.network.is_host() ? "ip" : "network"] = store::format_network(entry.network);
    row.update({{"seen", entry.seen()},
                {"flows", entry.flows},
                {"packets", entry.packets},
                {"bytes", entry.bytes},
                {"first", time_or_null(entry.first_ns)},
                {"last", time_or_null(entry.last_ns)},
                {"retrospective", entry.retrospective}});
    return row;
}

void show(const httplib::Request& request, httplib::Response& response, Sensor& sensor) {
    const std::string name = request.matches[1];
    const auto networks = sensor.watch_lists().find(name);
    if (!networks) return send_problem(response, no_list(name));
    auto query = query_of(request, response, sensor);
    if (!query) return;
    query->watch = networks;
    const FlowAnswer answer = sensor.ask(*query, false);
    const auto count = count_list(answer, networks);
    const std::size_t entries = count.entries().size();
    const std::size_t shown = std::min(query->limit.value_or(SIZE_MAX), entries);
    // Who was seen comes first: of a million the others are of no interest.
    Json rows = Json::array();
    std::uint64_t retrospective = 0;
    for (const bool seen : {true, false}) {
        for (const auto& entry : count.entries()) {
            if (entry.seen() != seen) continue;
            retrospective += entry.retrospective;
            if (rows.size() < shown) rows.push_back(entry_row(entry));
        }
    }
    const std::size_t seen = seen_entries(count);
    Json document{{"rows", std::move(rows)},
                  {"sum",
                   {{"entries", entries},
                    {"seen", seen},
                    {"not_seen", entries - seen},
                    {"retrospective", retrospective}}},
                  {"coverage", coverage_json(answer.coverage)},
                  {"truncated", shown < entries},
                  {"interval", interval_json(*query)},
                  {"horizon", time_or_null(answer.horizon_ns)}};
    if (!answer.notes.empty()) document["notes"] = answer.notes;
    send_json(response, document);
}

void load(const httplib::Request& request, httplib::Response& response, Sensor& sensor) {
    if (refuse_in_archive(response, sensor, "no watch list can be loaded here", "/v1/watch")) return;
    const std::string name = request.matches[1];
    std::vector<store::NetworkLine> rejects;
    if (const auto problem = sensor.watch_lists().load(name, request.body, rejects)) {
        return send_problem(response, *problem);
    }
    if (const auto problem = sensor.rules().reload("watch list " + name))
        return send_problem(response, *problem);
    Json rows = Json::array();
    for (const auto& reject : rejects) {
        rows.push_back({{"line", reject.line},
                        {"text", reject.text},
                        {"reason", "'" + reject.text + "' is not an address or network"}});
    }
    const auto networks = sensor.watch_lists().find(name);
    send_json(response, {{"name", name},
                         {"entries", networks ? networks->entries().size() : 0},
                         {"generation", sensor.rules().state().generation},
                         {"rejects", std::move(rows)}});
}

void remove(const httplib::Request& request, httplib::Response& response, Sensor& sensor) {
    if (refuse_in_archive(response, sensor, "no watch list can be removed here", "/v1/watch")) return;
    const std::string name = request.matches[1];
    if (!sensor.watch_lists().remove(name)) return send_problem(response, no_list(name));
    if (const auto problem = sensor.rules().reload("removal of watch list " + name)) {
        return send_problem(response, *problem);
    }
    send_json(response, {{"name", name}, {"generation", sensor.rules().state().generation}});
}

}  // namespace

void add_watch_handlers(httplib::Server& server, Sensor& sensor) {
    using Handle = void (*)(const httplib::Request&, httplib::Response&, Sensor&);
    const auto bind = [&sensor](Handle handle) {
        return [&sensor, handle](const httplib::Request& request, httplib::Response& response) {
            handle(request, response, sensor);
        };
    };
    server.Get("/v1/watch", bind(list));
    server.Get(R"(/v1/watch/([^/]+))", bind(show));
    server.Put(R"(/v1/watch/([^/]+))", bind(load));
    server.Delete(R"(/v1/watch/([^/]+))", bind(remove));
}

}  // namespace picket::serve
