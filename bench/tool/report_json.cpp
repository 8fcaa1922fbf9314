#include "bench/tool/report_json.h"

#include <cmath>

namespace picket::bench {
namespace {

using Json = nlohmann::ordered_json;

// Six digits are more than a measurement has.
double rounded(double value) {
    if (value == 0 || !std::isfinite(value)) return 0;
    const double unit = std::pow(10.0, 5 - std::floor(std::log10(std::abs(value))));
    return std::round(value * unit) / unit;
}

Json stages_of(const Row& row) {
    Json stages = Json::object();
    for (std::size_t i = 0; i < row.stages_ns.size(); ++i)
        stages[std::string(stage_name(i))] = rounded(row.stages_ns[i]);
    return stages;
}

Json search_of(const Search& search) {
    Json trials = Json::array();
    for (const Trial& trial : search.trials) {
        trials.push_back({{"offered_mpps", rounded(trial.offered_mpps)},
                          {"passed_mpps", rounded(trial.passed_mpps)},
                          {"sent", trial.sent},
                          {"received", trial.received},
                          {"missed", trial.missed}});
    }
    return {{"ndr_mpps", rounded(search.ndr_mpps)},
            {"pdr_mpps", rounded(search.pdr_mpps)},
            {"mrr_mpps", rounded(search.mrr_mpps)},
            {"sender_limited", search.sender_limited},
            {"trials", trials}};
}

Json workers_of(const Row& row) {
    Json workers = Json::array();
    for (const WorkerRow& worker : row.workers) {
        workers.push_back({{"core", worker.core},
                           {"mpps", rounded(worker.mpps)},
                           {"ns_per_packet", rounded(worker.ns_per_packet)},
                           {"memory_limit_ns", rounded(worker.memory_limit_ns)}});
    }
    return workers;
}

void add_contract(const Row& row, Json& json) {
    const RowSettings& settings = row.settings;
    json["mix"] = mix_names[static_cast<std::size_t>(settings.mix)];
    json["flows"] = settings.flows;
    json["new_flows_per_s"] = std::round(row.new_flows_per_s);
    json["rules"] = row.rules;
    json["ipv6"] = settings.ipv6;
    json["workers"] = settings.workers;
    json["via"] = via_names[static_cast<std::size_t>(settings.via)];
    json["packets"] = row.packets;
    json["lost"] = row.lost;
    json["mpps"] = rounded(row.mpps);
    json["gbit_per_s"] = rounded(row.gbit_per_s);
    json["ns_per_packet"] = rounded(row.ns_per_packet);
    json["cycles_per_packet"] = rounded(row.cycles_per_packet);
    json["stages_ns"] = stages_of(row);
    json["uris_per_s"] = rounded(row.uris_per_s);
    json["ns_per_uri"] = rounded(row.ns_per_uri);
    json["memory_limit_ns"] = rounded(row.memory_limit_ns);
    json["source_ns"] = rounded(row.source_ns);
}

void add_beyond(const Row& row, Json& json) {
    json["requests"] = row.settings.requests;
    json["flood"] = row.settings.flood;
    json["duplicates"] = duplicates_names[static_cast<std::size_t>(row.settings.duplicates)];
    json["seconds"] = row.settings.seconds;
    json["runs"] = row.settings.runs;
    json["ns_per_packet_min"] = rounded(row.ns_per_packet_min);
    json["ns_per_packet_max"] = rounded(row.ns_per_packet_max);
    json["frame_bytes"] = rounded(row.frame_bytes);
    json["flows_active"] = row.flows_active;
    json["flow_capacity"] = row.flow_capacity;
    json["in_flows"] = row.in_flows;
    json["outcomes"] = Json::object();
    for (const auto& [name, count] : row.outcomes) json["outcomes"][name] = count;
    json["flow_records"] = row.records;
    json["rule_hits"] = row.rule_hits;
    json["filter_pass"] = rounded(row.filter_pass);
    json["events_dropped"] = row.events_dropped;
    json["line_rates"] = Json::object();
    for (const unsigned gbit : line_rates_gbit)
        json["line_rates"][std::to_string(gbit)] = row.gbit_per_s >= gbit;
    json["per_worker"] = workers_of(row);
    if (row.settings.workers > 1) {
        json["slowdown"] = {{"workers", rounded(row.slowdown.workers)},
                            {"memory_limit", rounded(row.slowdown.memory_limit)}};
    }
    if (row.settings.via != Via::memory) json["search"] = search_of(row.search);
}

std::string cell_of(const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

nlohmann::ordered_json json_of(const Report& report) {
    const MachineInfo& machine = report.machine;
    Json document;
    document["machine"] = {
        {"cpu", machine.cpu},       {"isa", machine.isa},     {"hugepages", machine.hugepages},
        {"kernel", machine.kernel}, {"cores", machine.cores}, {"tsc_ghz", rounded(machine.tsc_ghz)}};
    document["rows"] = Json::array();
    for (const Row& row : report.rows) {
        Json json;
        add_contract(row, json);
        add_beyond(row, json);
        document["rows"].push_back(std::move(json));
    }
    document["warnings"] = report.warnings;
    return document;
}

std::string csv_of(const Report& report) {
    std::string text;
    for (const Row& row : report.rows) {
        Json json;
        add_contract(row, json);
        std::string head;
        std::string line;
        const auto add = [&](const std::string& name, const Json& value) {
            head += (head.empty() ? "" : ",") + name;
            line += (line.empty() ? "" : ",") + cell_of(value);
        };
        for (const auto& [name, value] : json.items()) {
            if (name != "stages_ns") {
                add(name, value);
                continue;
            }
            for (const auto& [stage, ns] : value.items()) add("ns_" + stage, ns);
        }
        if (text.empty()) text = head + "\n";
        text += line + "\n";
    }
    return text;
}

}  // namespace picket::bench
