#include "controlplane/export/eve_writer.h"

#include "controlplane/export/eve_line.h"
#include "controlplane/store/address_text.h"
#include "controlplane/store/protocol_text.h"
#include "controlplane/store/time_text.h"

namespace picket::exporter {

namespace {

std::string eve_time(std::uint64_t utc_ns) {
    std::string text = store::format_time(utc_ns);
    text.pop_back();
    return text + "+0000";
}

std::string hex_flags(std::uint8_t flags) {
    return hex_bytes(&flags, 1);
}

struct Ends {
    const api::Address& source;
    const api::Address& destination;
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    std::uint8_t protocol = 0;
    std::uint16_t vlan = 0;
    std::uint16_t vlan_inner = 0;
};

void write_head(EveLine& line, std::uint64_t time_ns, std::uint64_t flow_id, const std::string& port,
                const char* type, const Ends& ends) {
    line.text("timestamp", eve_time(time_ns)).number("flow_id", flow_id);
    if (!port.empty()) line.text("in_iface", port);
    line.text("event_type", type);
    if (ends.vlan != 0) {
        line.array("vlan").element(ends.vlan);
        if (ends.vlan_inner != 0) line.element(ends.vlan_inner);
        line.end_array();
    }
    line.text("src_ip", store::format_address(ends.source));
    if (store::has_ports(ends.protocol)) line.number("src_port", ends.source_port);
    line.text("dest_ip", store::format_address(ends.destination));
    if (store::has_ports(ends.protocol)) line.number("dest_port", ends.destination_port);
    line.text("proto", store::protocol_name(ends.protocol));
    if (ends.protocol == store::protocol_icmp || ends.protocol == store::protocol_icmpv6) {
        line.number("icmp_type", ends.destination_port >> 8)
            .number("icmp_code", ends.destination_port & 0xff);
    }
}

// Suricata's words for how far a flow got.
const char* flow_state(const store::StoredFlow& flow) {
    if (flow.end_reason == api::EndReason::end_of_flow) return "closed";
    return flow.directions[1].packets > 0 ? "established" : "new";
}

const char* flow_reason(api::EndReason reason) {
    switch (reason) {
        case api::EndReason::idle_timeout:
        case api::EndReason::active_timeout:
        case api::EndReason::end_of_flow:
            return "timeout";
        case api::EndReason::forced_end:
        case api::EndReason::lack_of_resources:
            return "forced";
        case api::EndReason::live:
            break;
    }
    return "unknown";
}

void write_http(EveLine& line, const store::StoredRequest& request) {
    line.object("http");
    if (!request.host.empty()) line.wire_text("hostname", request.host);
    if (!request.method.empty() || !request.uri.empty()) line.wire_text("url", request.uri);
    if (!request.user_agent.empty()) line.wire_text("http_user_agent", request.user_agent);
    if (request.flags & api::request_has_referer) line.wire_text("http_refer", request.referer);
    if (!request.method.empty()) line.wire_text("http_method", request.method);
    if (!request.version.empty()) line.wire_text("protocol", request.version);
    if (!request.content_type.empty()) line.wire_text("http_content_type", request.content_type);
    if (request.status != 0) line.number("status", request.status);
    const std::int64_t length = request.body_bytes >= 0 ? request.body_bytes : request.content_length;
    if (length >= 0) line.number("length", static_cast<std::uint64_t>(length));
    line.end_object();
}

void write_tunnel(EveLine& line, const store::Tunnel& tunnel) {
    line.object("tunnel")
        .text("src_ip", store::format_address(tunnel.source))
        .text("dest_ip", store::format_address(tunnel.destination))
        .text("proto", store::tunnel_protocol(tunnel.kind))
        .text("kind", api::tunnel_kind_names[static_cast<std::size_t>(tunnel.kind)])
        .number("id", tunnel.id)
        .number("depth", tunnel.depth)
        .end_object();
}

}  // namespace

const std::string& EveWriter::port_name(std::uint16_t port) const {
    static const std::string none;
    return port < port_names_.size() ? port_names_[port] : none;
}

void EveWriter::flow_part(const store::StoredFlow& part) {
    if (part.final) joiner_.flow_ended(part.key());
    if (part.final && part.part == 1) return write_flow(part);
    store::StoredFlow* total = unfinished_.find(part.key());
    if (!total && unfinished_.size() >= unfinished_flows_max) return write_flow(part);
    if (total) {
        store::add_part(*total, part);
    } else {
        total = &unfinished_[part.key()];
        *total = part;
    }
    if (!part.final) return;
    write_flow(*total);
    unfinished_.erase(part.key());
}

void EveWriter::write_flow(const store::StoredFlow& flow) {
    EveLine line(buffer_);
    write_head(line, flow.last_ns, flow.id, port_name(flow.port), "flow",
               {flow.source, flow.destination, flow.source_port, flow.destination_port, flow.protocol,
                flow.vlan, flow.vlan_inner});
    if (flow.flags & api::flow_http) line.text("app_proto", "http");
    if (flow.tunnel.depth > 0) write_tunnel(line, flow.tunnel);
    const auto& to_server = flow.directions[0];
    const auto& to_client = flow.directions[1];
    line.object("flow")
        .number("pkts_toserver", to_server.packets)
        .number("pkts_toclient", to_client.packets)
        .number("bytes_toserver", to_server.bytes)
        .number("bytes_toclient", to_client.bytes)
        .text("start", eve_time(flow.start_ns))
        .text("end", eve_time(flow.last_ns))
        .number("age", (flow.last_ns - flow.start_ns) / 1'000'000'000)
        .text("state", flow_state(flow))
        .text("reason", flow_reason(flow.end_reason))
        .flag("alerted", flow.rule_count > 0 || flow.watch_lists != 0);
    if (flow.duplicates > 0) line.number("duplicates", flow.duplicates);
    line.end_object();
    if (flow.protocol == store::protocol_tcp) {
        line.object("tcp")
            .text("tcp_flags", hex_flags(to_server.tcp_flags_union | to_client.tcp_flags_union))
            .text("tcp_flags_ts", hex_flags(to_server.tcp_flags_union))
            .text("tcp_flags_tc", hex_flags(to_client.tcp_flags_union))
            .end_object();
    }
    const auto text = line.finish();
    sink_.write(text.data(), text.size());
}

void EveWriter::write_request(const store::StoredRequest& request) {
    EveLine line(buffer_);
    const auto& ends = request.ends;
    write_head(line, request.time_ns, request.flow.id, port_name(ends.port), "http",
               {ends.client, ends.server, ends.client_port, ends.server_port, ends.protocol, ends.vlan, 0});
    if (request.request != api::request_none) line.number("tx_id", request.request);
    write_http(line, request);
    const auto text = line.finish();
    sink_.write(text.data(), text.size());
}

void EveWriter::alert(const detect::Hit& hit, std::uint16_t port, const AlertTexts& texts) {
    EveLine line(buffer_);
    write_head(
        line, hit.time_ns, hit.flow_id, port_name(port), "alert",
        {hit.source, hit.destination, hit.source_port, hit.destination_port, hit.protocol, hit.vlan, 0});
    line.object("alert")
        .text("action", "allowed")
        .number("gid", hit.gid)
        .number("signature_id", hit.sid)
        .number("rev", hit.rev)
        .wire_text("signature", hit.message)
        .wire_text("category", texts.category)
        .number("severity", hit.severity)
        .number("generation", hit.generation)
        .flag("flow_lost", hit.flow_lost)
        .array("buffers");
    for (const std::string& buffer : hit.buffers) line.element(buffer);
    line.end_array();
    // Hits alike that were counted instead of told one by one.
    if (hit.count > 1) line.number("hits", hit.count);
    line.end_object();
    if (texts.request) {
        line.number("tx_id", texts.request->request).text("app_proto", "http");
        write_http(line, *texts.request);
    }
    const auto text = line.finish();
    sink_.write(text.data(), text.size());
}

void EveWriter::stats(std::uint64_t time_ns, std::uint64_t uptime_seconds,
                      const detect::CounterSnapshot& counters, std::uint64_t alerts) {
    using Counters = api::WorkerCounters;
    const auto audit = counters.audit();
    EveLine line(buffer_);
    line.text("timestamp", eve_time(time_ns)).text("event_type", "stats").object("stats");
    line.number("uptime", uptime_seconds);
    line.object("capture")
        .number("packets", audit.received)
        .number("kernel_drops", counters.device_lost())
        .end_object();
    line.object("decoder")
        .number("pkts", audit.received)
        .number("bytes", audit.received_bytes)
        .number("ipv4", counters.sum(&Counters::packets_ipv4))
        .number("ipv6", counters.sum(&Counters::packets_ipv6))
        .number("tcp", counters.sum(&Counters::packets_tcp))
        .number("udp", counters.sum(&Counters::packets_udp))
        .number("icmp", counters.sum(&Counters::packets_icmp))
        .number("vlan", counters.sum(&Counters::packets_vlan))
        .end_object();
    line.object("audit").number("in_flows", audit.in_flows).number("held", audit.held);
    for (std::size_t i = 0; i < api::outcome_count; ++i) {
        line.number(api::outcome_names[i].data(), audit.outcomes[i]);
    }
    line.end_object();
    line.object("flow")
        .number("total", counters.sum(&Counters::flows_created))
        .number("active", counters.sum(&Counters::flows_active))
        .end_object();
    line.object("http").number("requests", counters.sum(&Counters::http_requests)).end_object();
    line.object("detect").number("alert", alerts).end_object();
    line.end_object();
    const auto text = line.finish();
    sink_.write(text.data(), text.size());
}

void EveWriter::finish() {
    joiner_.finish();
    unfinished_.for_each([&](const store::FlowKey&, const store::StoredFlow& flow) { write_flow(flow); });
    unfinished_.clear();
    sink_.flush_and_wait();
}

}  // namespace picket::exporter
