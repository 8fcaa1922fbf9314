#include "controlplane/serve/packet_handlers.h"

#include <algorithm>

#include "controlplane/export/pcapng_file.h"
#include "controlplane/serve/flow_json.h"
#include "controlplane/serve/http_answer.h"
#include "version.h"

namespace picket::serve {

namespace {

// A row a flow.
struct Kept {
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    std::uint64_t first_ns = 0;
    std::uint64_t last_ns = 0;
};

store::FlatMap<store::FlowKey, Kept> count_by_flow(const store::Packets& packets) {
    store::FlatMap<store::FlowKey, Kept> kept;
    for (const auto& packet : packets) {
        Kept& flow = kept[packet->flow];
        if (flow.packets++ == 0) flow.first_ns = packet->time_ns;
        flow.bytes += packet->wire_length;
        flow.last_ns = packet->time_ns;
    }
    return kept;
}

Json rows_json(const store::FlatMap<store::FlowKey, Kept>& kept) {
    Json rows = Json::array();
    kept.for_each([&](const store::FlowKey& flow, const Kept& sum) {
        rows.push_back({{"flow_id", flow.id},
                        {"packets", sum.packets},
                        {"bytes", sum.bytes},
                        {"first", time_or_null(sum.first_ns)},
                        {"last", time_or_null(sum.last_ns)}});
    });
    return rows;
}

void packets(const httplib::Request& request, httplib::Response& response, Sensor& sensor) {
    if (!sensor.keeps_flows()) return send_problem(response, no_flows_kept("/v1/packets"));
    const auto format = parameter(request, "format");
    if (format && *format != "pcapng") {
        return send_problem(response, {"packets have no such form", "parameter format", "it is not 'pcapng'",
                                       "leave it out for what is kept of each flow"});
    }
    const auto query = query_of(request, response, sensor, {"format"});
    if (!query) return;
    const FlowAnswer answer = sensor.ask(*query, false);
    store::ChosenFlows chosen;
    for (const auto* flow : answer.selection.rows) {
        if (flow->rule_count > 0 || flow->watch_lists != 0) chosen.add(*flow);
    }
    const auto [packets, horizon_ns] = sensor.packets_of(chosen);
    if (format) {
        const auto name = [&](std::uint16_t port) { return name_of_port(sensor, port); };
        response.set_content(exporter::pcapng_file(packets, "picket " PICKET_VERSION, name),
                             "application/x-pcapng");
        return;
    }
    const auto kept = count_by_flow(packets);
    std::vector<std::string> notes = answer.notes;
    if (const auto note = horizon_note("packets", horizon_ns, *query)) notes.push_back(*note);
    Json document{{"rows", rows_json(kept)},
                  {"sum",
                   {{"flows", answer.selection.rows.size()},
                    {"flows_with_hits", chosen.keys.size()},
                    {"flows_with_packets", kept.size()},
                    {"packets", packets.size()}}},
                  {"coverage", coverage_json(answer.coverage)},
                  {"truncated", false},
                  {"interval", interval_json(*query)}};
    if (!notes.empty()) document["notes"] = notes;
    send_json(response, document);
}

}  // namespace

std::string name_of_port(const Sensor& sensor, std::uint16_t port) {
    const auto counters = sensor.counters();
    return counters && port < counters->ports.size() ? counters->ports[port].name : "";
}

void add_packet_handlers(httplib::Server& server, Sensor& sensor) {
    const auto handler = [&sensor](const httplib::Request& request, httplib::Response& response) {
        packets(request, response, sensor);
    };
    server.Get("/v1/packets", handler);
    server.Post("/v1/packets", handler);
}

}  // namespace picket::serve
