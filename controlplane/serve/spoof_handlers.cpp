#include "controlplane/serve/spoof_handlers.h"

#include <algorithm>

#include "controlplane/detect/single_origin.h"
#include "controlplane/serve/flow_json.h"
#include "controlplane/serve/http_answer.h"
#include "controlplane/store/address_text.h"
#include "controlplane/store/protocol_text.h"

namespace picket::serve {
namespace {

constexpr std::size_t sources_listed_max = 256;

template <typename Value>
Json or_null(const std::optional<Value>& value) {
    return value ? Json(*value) : Json(nullptr);
}

Json spoof_row(const detect::OriginGroup& group) {
    Json sources = Json::array();
    for (std::size_t i = 0; i < std::min(group.sources.size(), sources_listed_max); ++i) {
        sources.push_back(store::format_address(group.sources[i]));
    }
    return {{"confidence", detect::name_of(group.confidence)},
            {"bits", group.bits},
            {"sources", std::move(sources)},
            {"source_count", group.sources.size()},
            {"networks", group.networks},
            {"destination", end_text(group.destination, group.destination_port, group.protocol)},
            {"proto", store::protocol_name(group.protocol)},
            {"flows", group.totals.flows},
            {"packets", group.totals.packets},
            {"bytes", group.totals.bytes},
            {"first", time_or_null(group.totals.first_ns)},
            {"last", time_or_null(group.totals.last_ns)},
            {"ttl", or_null(group.ttl)},
            {"ip_id", or_null(group.ip_id)},
            {"tos", or_null(group.tos)},
            {"reasons", group.reasons}};
}

// Evidence is of whole flows, and the strongest comes first: nothing that answers in another shape or order.
std::optional<store::Problem> unsuitable(const store::Query& query) {
    const char* name = nullptr;
    if (query.records) name = "records";
    if (!query.counts_ends) name = "count_ends";
    if (query.shape != store::Shape::rows) name = "shape";
    if (query.sorted) name = "sort";
    if (!name) return std::nullopt;
    return store::Problem{"evidence cannot be asked for so", std::string("parameter ") + name,
                          "it is told by groups of sources, the strongest first",
                          "leave it, or ask for flows with 'picket flow show'"};
}

void spoof(const httplib::Request& request, httplib::Response& response, Sensor& sensor) {
    if (!sensor.keeps_flows()) return send_problem(response, no_flows_kept("/v1/spoof"));
    const auto query = query_of(request, response, sensor);
    if (!query) return;
    if (const auto problem = unsuitable(*query)) return send_problem(response, *problem);
    const FlowAnswer answer = sensor.ask(*query, false);
    const auto groups = detect::find_single_origins(answer.selection.rows);
    const std::size_t shown = std::min(query->limit.value_or(SIZE_MAX), groups.size());
    Json rows = Json::array();
    for (std::size_t i = 0; i < shown; ++i) rows.push_back(spoof_row(groups[i]));
    const auto sum = store::sum_flows(answer.selection, *query, sensor.join(answer));
    Json document{{"rows", std::move(rows)}};
    document.update(frame(answer, *query, sum, shown < groups.size()));
    send_json(response, document);
}

}  // namespace

void add_spoof_handlers(httplib::Server& server, Sensor& sensor) {
    const auto handler = [&sensor](const httplib::Request& request, httplib::Response& response) {
        spoof(request, response, sensor);
    };
    server.Get("/v1/spoof", handler);
    server.Post("/v1/spoof", handler);
}

}  // namespace picket::serve
