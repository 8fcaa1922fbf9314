#include "controlplane/serve/flow_json.h"

#include "controlplane/export/escape_bytes.h"
#include "controlplane/serve/http_answer.h"
#include "controlplane/store/address_text.h"
#include "controlplane/store/payload_name.h"
#include "controlplane/store/protocol_text.h"
#include "controlplane/store/time_text.h"

namespace picket::serve {

namespace {

constexpr std::array<const char*, 6> end_reasons{"live",        "idle_timeout", "active_timeout",
                                                 "end_of_flow", "forced_end",   "lack_of_resources"};

void text(JsonWriter& writer, const char* key, std::string_view value) {
    writer.Key(key);
    writer.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
}

void number(JsonWriter& writer, const char* key, std::uint64_t value) {
    writer.Key(key);
    writer.Uint64(value);
}

std::string hex_flags(std::uint8_t flags) {
    return exporter::hex_bytes(&flags, 1);
}

// What only packets tell: null of a foreign log's record.
void write_seen(JsonWriter& writer, const store::StoredFlow& flow) {
    if (flow.is_imported()) {
        for (const char* key : {"ttl_ts", "ttl_tc", "state", "history", "end_reason"}) {
            writer.Key(key);
            writer.Null();
        }
        return;
    }
    number(writer, "ttl_ts", flow.directions[0].ttl_min);
    number(writer, "ttl_tc", flow.directions[1].ttl_min);
    text(writer, "state", api::conn_state_names[static_cast<std::size_t>(flow.state)]);
    text(writer, "history", exporter::escape_bytes(flow.history.data()));
    text(writer, "end_reason", end_reasons[static_cast<std::size_t>(flow.end_reason)]);
}

// The first request that is still kept stands for the flow.
void write_http(JsonWriter& writer, const store::StoredFlow& flow, const store::QueryJoin& join) {
    writer.Key("http");
    const auto requests = flow.requests > 0 || (flow.flags & api::flow_http) != 0
                              ? join.requests.of_flow(flow.key())
                              : std::vector<store::StoredRequest>{};
    if (requests.empty()) {
        writer.Null();
        return;
    }
    const auto& request = requests.front();
    writer.StartObject();
    text(writer, "method", exporter::escape_bytes(request.method));
    text(writer, "host", exporter::escape_bytes(request.host));
    text(writer, "uri", exporter::escape_bytes(request.uri));
    number(writer, "status", request.status);
    number(writer, "requests", std::max<std::uint64_t>(flow.requests, requests.size()));
    writer.EndObject();
}

void write_rules(JsonWriter& writer, const store::StoredFlow& flow, const store::QueryJoin& join) {
    writer.Key("rules");
    writer.StartArray();
    const auto generation = flow.rule_count > 0 ? join.rules.generation(flow.rule_generation) : nullptr;
    for (unsigned i = 0; generation && i < flow.rules_kept(); ++i) {
        if (const auto* rule = generation->rule(flow.rules[i])) writer.Uint(rule->sid);
    }
    writer.EndArray();
}

// Only what was wrapped in something has it.
void write_tunnel(JsonWriter& writer, const store::Tunnel& tunnel) {
    if (tunnel.kind == api::TunnelKind::none) return;
    writer.Key("tunnel");
    writer.StartObject();
    text(writer, "kind", api::tunnel_kind_names[static_cast<std::size_t>(tunnel.kind)]);
    number(writer, "id", tunnel.id);
    number(writer, "depth", tunnel.depth);
    if (tunnel.depth > 0) {
        text(writer, "src_ip", store::format_address(tunnel.source));
        text(writer, "dest_ip", store::format_address(tunnel.destination));
        text(writer, "proto", store::tunnel_protocol(tunnel.kind));
    }
    writer.EndObject();
}

// null without payload.
Json payload_name(const store::StoredFlow& flow, std::size_t side) {
    const std::size_t kind = store::payload_kind(flow, side);
    return kind == store::payload_none ? Json() : Json(store::payload_kind_name(kind));
}

Json direction_json(const store::StoredFlow& flow, std::size_t side) {
    const api::FlowDirection& direction = flow.directions[side];
    if (flow.is_imported()) {
        return {{"packets", direction.packets},
                {"bytes", direction.bytes},
                {"first", time_or_null(direction.first_ns)},
                {"last", time_or_null(direction.last_ns)},
                {"tcp_flags", hex_flags(direction.tcp_flags_union)}};
    }
    return {{"packets", direction.packets},
            {"bytes", direction.bytes},
            {"first", time_or_null(direction.first_ns)},
            {"last", time_or_null(direction.last_ns)},
            {"retransmitted", direction.retransmitted},
            {"out_of_order", direction.out_of_order},
            {"lost_bytes", direction.lost_bytes},
            {"ip_id", direction.ip_id_first},
            {"ttl_min", direction.ttl_min},
            {"ttl_max", direction.ttl_max},
            {"tos", direction.tos_first},
            {"tcp_flags_first", hex_flags(direction.tcp_flags_first)},
            {"tcp_flags", hex_flags(direction.tcp_flags_union)},
            {"payload", exporter::hex_bytes(direction.payload_first.data(), direction.payload_first_length)},
            {"payload_name", payload_name(flow, side)}};
}

Json flag_names(std::uint32_t flags) {
    static constexpr std::array<const char*, 16> names{
        "midstream",    "watched",         "fragments",         "cut_short",         "http",
        "vlan_swapped", "icmp_quoted",     "payload_truncated", "direction_revised", "first_folded",
        "tunnelled",    "inner_undecoded", "fragments_overlap", "duplicates",        "port_swapped",
        "bits_lost"};
    Json list = Json::array();
    for (std::size_t i = 0; i < names.size(); ++i) {
        if ((flags >> i & 1) != 0) list.push_back(names[i]);
    }
    if ((flags & store::flow_imported) != 0) list.push_back("imported");
    return list;
}

Json sum_json(const store::Sum& sum) {
    const auto& [there, back] = sum.totals.udp_payload;
    return {{"flows", sum.totals.flows},
            {"packets", sum.totals.packets},
            {"bytes", sum.totals.bytes},
            {"sources", sum.sources},
            {"destinations", sum.destinations},
            {"first", time_or_null(sum.totals.first_ns)},
            {"last", time_or_null(sum.totals.last_ns)},
            {"one_direction", sum.totals.one_direction},
            {"udp_payload_toserver", there},
            {"udp_payload_toclient", back},
            {"udp_payload_ratio",
             there == 0 ? Json() : Json(static_cast<double>(back) / static_cast<double>(there))}};
}

}  // namespace

Json time_or_null(std::uint64_t utc_ns) {
    return utc_ns == 0 ? Json() : Json(store::format_time(utc_ns));
}

std::string end_text(const api::Address& address, std::uint16_t port, std::uint8_t protocol) {
    const std::string plain = store::format_address(address);
    if (!store::has_ports(protocol)) return plain;
    return (address.is_ipv4() ? plain : "[" + plain + "]") + ":" + std::to_string(port);
}

void write_flow_row(JsonWriter& writer, const store::StoredFlow& flow, const store::QueryJoin& join,
                    bool records) {
    const auto& to_server = flow.directions[0];
    const auto& to_client = flow.directions[1];
    writer.StartObject();
    number(writer, "id", flow.id);
    number(writer, "part", flow.part);
    writer.Key("final");
    writer.Bool(flow.final != 0);
    text(writer, "first", store::format_time(records ? flow.part_first_ns : flow.start_ns));
    text(writer, "last", store::format_time(flow.last_ns));
    text(writer, "src_ip", store::format_address(flow.source));
    number(writer, "src_port", flow.source_port);
    text(writer, "dest_ip", store::format_address(flow.destination));
    number(writer, "dest_port", flow.destination_port);
    text(writer, "proto", store::protocol_name(flow.protocol));
    number(writer, "vlan", flow.vlan);
    number(writer, "pkts_toserver", to_server.packets);
    number(writer, "pkts_toclient", to_client.packets);
    number(writer, "bytes_toserver", to_server.bytes);
    number(writer, "bytes_toclient", to_client.bytes);
    text(writer, "flags_ts", hex_flags(to_server.tcp_flags_union));
    text(writer, "flags_tc", hex_flags(to_client.tcp_flags_union));
    write_seen(writer, flow);
    text(writer, "outcome", store::outcome_texts[static_cast<std::size_t>(store::outcome_of(flow))]);
    write_http(writer, flow, join);
    write_rules(writer, flow, join);
    number(writer, "lost", flow.lost_bytes());
    write_tunnel(writer, flow.tunnel);
    writer.EndObject();
}

Json flow_row(const store::StoredFlow& flow, const store::QueryJoin& join, bool records) {
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    write_flow_row(writer, flow, join, records);
    return Json::parse(buffer.GetString(), buffer.GetString() + buffer.GetSize());
}

Json flow_detail(const store::StoredFlow& flow, const store::QueryJoin& join,
                 const std::vector<std::string>& port_names) {
    Json row = flow_row(flow, join, false);
    row["port"] = flow.port < port_names.size() ? Json(port_names[flow.port]) : Json(flow.port);
    if (flow.vlan_inner != 0) row["vlan_inner"] = flow.vlan_inner;
    row["flags"] = flag_names(flow.flags);
    if ((flow.flags & api::flow_icmp_quoted) != 0) {
        row["icmp_error"] = {{"type", flow.icmp_error >> 8}, {"code", flow.icmp_error & 0xff}};
    }
    row["handshake_rtt_us"] =
        flow.handshake_rtt_ns == 0 ? Json() : Json(static_cast<double>(flow.handshake_rtt_ns) / 1e3);
    row["duplicates"] = flow.duplicates;
    row["to_server"] = direction_json(flow, 0);
    row["to_client"] = direction_json(flow, 1);
    row["requests"] = Json::array();
    for (const auto& request : join.requests.of_flow(flow.key()))
        row["requests"].push_back(request_row(request));
    row["alerts"] = Json::array();
    const auto generation = flow.rule_count > 0 ? join.rules.generation(flow.rule_generation) : nullptr;
    for (unsigned i = 0; generation && i < flow.rules_kept(); ++i) {
        const auto* rule = generation->rule(flow.rules[i]);
        if (!rule) continue;
        row["alerts"].push_back({{"sid", rule->sid},
                                 {"rev", rule->rev},
                                 {"msg", exporter::escape_bytes(rule->message)},
                                 {"severity", rule->severity},
                                 {"generation", generation->number}});
    }
    return row;
}

Json request_row(const store::StoredRequest& request) {
    const auto& ends = request.ends;
    Json row{{"time", store::format_time(request.time_ns)},
             {"source", store::format_address(ends.client)},
             {"destination", end_text(ends.server, ends.server_port, ends.protocol)},
             {"flow_id", request.flow.id},
             {"request", request.request},
             {"method", exporter::escape_bytes(request.method)},
             {"uri", exporter::escape_bytes(request.uri)},
             {"uri_normalized", exporter::escape_bytes(request.normalized())},
             {"host", exporter::escape_bytes(request.host)},
             {"user_agent", exporter::escape_bytes(request.user_agent)}};
    const bool has_referer = (request.flags & api::request_has_referer) != 0;
    row["referer"] = has_referer ? Json(exporter::escape_bytes(request.referer)) : Json();
    row["status"] = request.status == 0 ? Json() : Json(request.status);
    row["content_type"] = exporter::escape_bytes(request.content_type);
    row["content_length"] = request.content_length < 0 ? Json() : Json(request.content_length);
    row["body_bytes"] = request.body_bytes < 0 ? Json() : Json(request.body_bytes);
    return row;
}

Json alert_row(const detect::Alert& alert) {
    const auto& hit = alert.hit;
    return {{"time", store::format_time(alert.first_ns)},
            {"gid", hit.gid},
            {"sid", hit.sid},
            {"rev", hit.rev},
            {"msg", exporter::escape_bytes(hit.message)},
            {"severity", hit.severity},
            {"source", store::format_address(hit.source)},
            {"sources", alert.sources.size()},
            {"destination",
             hit.scan ? Json() : Json(end_text(hit.destination, hit.destination_port, hit.protocol))},
            {"proto", store::protocol_name(hit.protocol)},
            {"count", alert.count},
            {"first", store::format_time(alert.first_ns)},
            {"last", store::format_time(alert.last_ns)},
            {"generation", alert.generation},
            {"lost", alert.lost},
            {"flow_id", hit.flow_id},
            {"buffers", hit.buffers},
            {"uri", exporter::escape_bytes(hit.uri)}};
}

Json coverage_json(const detect::CoverageAnswer& coverage) {
    return {{"lost", coverage.lost}, {"seconds_blind", coverage.seconds_blind}, {"folded", coverage.folded}};
}

Json frame(const FlowAnswer& answer, const store::Query& query, const store::Sum& sum, bool truncated) {
    Json document{{"sum", sum_json(sum)},
                  {"coverage", coverage_json(answer.coverage)},
                  {"truncated", truncated},
                  {"interval", interval_json(query)},
                  {"horizon", time_or_null(answer.horizon_ns)}};
    // Other shapes are asked without what tells answers, of an archive.
    if (query.shape == store::Shape::sum) document["sum"]["unanswered"] = sum.totals.unanswered;
    if (!query.counts_ends) {
        document["sum"].erase("sources");
        document["sum"].erase("destinations");
    }
    if (!answer.notes.empty()) document["notes"] = answer.notes;
    return document;
}

store::Problem no_flows_kept(const char* path) {
    return {"this picketd keeps no flows",
            path,
            "it was started with --replay, which only makes a report",
            "start it with --keep-flows N, or use 'picket run' on a pcap: port",
            409,
            2};
}

}  // namespace picket::serve
