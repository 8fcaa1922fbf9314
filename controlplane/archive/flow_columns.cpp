#include "controlplane/archive/flow_columns.h"

#include <algorithm>
#include <array>

namespace picket::archive {

namespace {

using store::StoredFlow;
using FlowColumns = std::vector<Column<StoredFlow>>;

// Nanoseconds from the flow's start on: small numbers compress, and those of one packet are 0.
std::int64_t since_start(const StoredFlow& flow, std::uint64_t time_ns) noexcept {
    return static_cast<std::int64_t>(time_ns - flow.start_ns);
}

std::uint64_t from_start(const StoredFlow& flow, std::int64_t offset_ns) noexcept {
    return flow.start_ns + static_cast<std::uint64_t>(offset_ns);
}

void add_core(FlowColumns& columns) {
    columns.push_back(computed<StoredFlow>(
        "start", [](const StoredFlow& flow) { return static_cast<std::int64_t>(flow.start_ns); },
        [](StoredFlow& flow, std::int64_t value) { flow.start_ns = static_cast<std::uint64_t>(value); },
        DUCKDB_TYPE_TIMESTAMP_NS));
    columns.push_back(computed<StoredFlow>(
        "last", [](const StoredFlow& flow) { return since_start(flow, flow.last_ns); },
        [](StoredFlow& flow, std::int64_t value) { flow.last_ns = from_start(flow, value); }));
    add_address<StoredFlow>(
        columns, "src", [](auto& flow) -> auto& { return flow.source; });
    add_address<StoredFlow>(
        columns, "dest", [](auto& flow) -> auto& { return flow.destination; });
    const auto add = [&](const char* name, auto field) {
        columns.push_back(number<StoredFlow>(name, field));
    };
    add(
        "src_port", [](auto& flow) -> auto& { return flow.source_port; });
    add(
        "dest_port", [](auto& flow) -> auto& { return flow.destination_port; });
    add(
        "proto", [](auto& flow) -> auto& { return flow.protocol; });
    add(
        "pkts_toserver", [](auto& flow) -> auto& { return flow.directions[0].packets; });
    add(
        "pkts_toclient", [](auto& flow) -> auto& { return flow.directions[1].packets; });
    add(
        "bytes_toserver", [](auto& flow) -> auto& { return flow.directions[0].bytes; });
    add(
        "bytes_toclient", [](auto& flow) -> auto& { return flow.directions[1].bytes; });
    add(
        "flags_ts", [](auto& flow) -> auto& { return flow.directions[0].tcp_flags_union; });
    add(
        "flags_tc", [](auto& flow) -> auto& { return flow.directions[1].tcp_flags_union; });
    add(
        "state", [](auto& flow) -> auto& { return flow.state; });
    add(
        "id", [](auto& flow) -> auto& { return flow.id; });
}

void add_part(FlowColumns& columns) {
    const auto add = [&](const char* name, auto field) {
        columns.push_back(number<StoredFlow>(name, field));
    };
    add(
        "run", [](auto& flow) -> auto& { return flow.run; });
    add(
        "part", [](auto& flow) -> auto& { return flow.part; });
    add(
        "final", [](auto& flow) -> auto& { return flow.final; });
    columns.push_back(computed<StoredFlow>(
        "part_first", [](const StoredFlow& flow) { return since_start(flow, flow.part_first_ns); },
        [](StoredFlow& flow, std::int64_t value) { flow.part_first_ns = from_start(flow, value); }));
    add(
        "end_reason", [](auto& flow) -> auto& { return flow.end_reason; });
    add(
        "vlan", [](auto& flow) -> auto& { return flow.vlan; });
    add(
        "vlan_inner", [](auto& flow) -> auto& { return flow.vlan_inner; });
    add(
        "port", [](auto& flow) -> auto& { return flow.port; });
    add(
        "flags", [](auto& flow) -> auto& { return flow.flags; });
    columns.push_back(text<StoredFlow>(
        "history", [](const StoredFlow& flow) { return std::string_view(flow.history.data()); },
        [](StoredFlow& flow, std::string_view value) {
            value.copy(flow.history.data(), flow.history.size() - 1);
        },
        DUCKDB_TYPE_VARCHAR));
    add(
        "handshake_rtt", [](auto& flow) -> auto& { return flow.handshake_rtt_ns; });
    add(
        "duplicates", [](auto& flow) -> auto& { return flow.duplicates; });
    add(
        "icmp_error", [](auto& flow) -> auto& { return flow.icmp_error; });
    add(
        "requests", [](auto& flow) -> auto& { return flow.requests; });
    add(
        "first_status", [](auto& flow) -> auto& { return flow.first_status; });
    add(
        "generation", [](auto& flow) -> auto& { return flow.rule_generation; });
    add(
        "rule_count", [](auto& flow) -> auto& { return flow.rule_count; });
    columns.push_back(number_list<StoredFlow>(
        "rules",
        [](const StoredFlow& flow) {
            return std::span<const std::uint32_t>(flow.rules.data(), flow.rules_kept());
        },
        [](StoredFlow& flow, std::span<const std::uint32_t> values) {
            std::copy_n(values.begin(), std::min(values.size(), flow.rules.size()), flow.rules.begin());
        }));
    add(
        "watch_lists", [](auto& flow) -> auto& { return flow.watch_lists; });
}

void add_tunnel(FlowColumns& columns) {
    const auto add = [&](const char* name, auto field) {
        columns.push_back(number<StoredFlow>(name, field));
    };
    add(
        "tunnel_kind", [](auto& flow) -> auto& { return flow.tunnel.kind; });
    add(
        "tunnel_depth", [](auto& flow) -> auto& { return flow.tunnel.depth; });
    add(
        "tunnel_id", [](auto& flow) -> auto& { return flow.tunnel.id; });
    add_address<StoredFlow>(
        columns, "tunnel_src", [](auto& flow) -> auto& { return flow.tunnel.source; });
    add_address<StoredFlow>(
        columns, "tunnel_dest", [](auto& flow) -> auto& { return flow.tunnel.destination; });
}

template <std::size_t side>
void add_direction(FlowColumns& columns, const std::string& suffix) {
    const auto add = [&](const char* name, auto field) {
        columns.push_back(number<StoredFlow>(name + suffix, field));
    };
    columns.push_back(optional_number<StoredFlow>(
        "first" + suffix,
        [](const StoredFlow& flow) -> std::optional<std::int64_t> {
            const auto time = flow.directions[side].first_ns;
            return time == 0 ? std::nullopt : std::optional(since_start(flow, time));
        },
        [](StoredFlow& flow, std::int64_t value) {
            flow.directions[side].first_ns = from_start(flow, value);
        }));
    // Counted back from the end: 0 in the direction that had the last word.
    columns.push_back(optional_number<StoredFlow>(
        "silent" + suffix,
        [](const StoredFlow& flow) -> std::optional<std::int64_t> {
            const auto time = flow.directions[side].last_ns;
            return time == 0 ? std::nullopt : std::optional(static_cast<std::int64_t>(flow.last_ns - time));
        },
        [](StoredFlow& flow, std::int64_t value) {
            flow.directions[side].last_ns = flow.last_ns - static_cast<std::uint64_t>(value);
        }));
    add(
        "retransmitted", [](auto& flow) -> auto& { return flow.directions[side].retransmitted; });
    add(
        "out_of_order", [](auto& flow) -> auto& { return flow.directions[side].out_of_order; });
    add(
        "lost", [](auto& flow) -> auto& { return flow.directions[side].lost_bytes; });
    add(
        "ip_id", [](auto& flow) -> auto& { return flow.directions[side].ip_id_first; });
    add(
        "ttl_min", [](auto& flow) -> auto& { return flow.directions[side].ttl_min; });
    add(
        "ttl", [](auto& flow) -> auto& { return flow.directions[side].ttl_max; });
    add(
        "tos", [](auto& flow) -> auto& { return flow.directions[side].tos_first; });
    add(
        "flags_first", [](auto& flow) -> auto& { return flow.directions[side].tcp_flags_first; });
    columns.push_back(text<StoredFlow>(
        "payload" + suffix,
        [](const StoredFlow& flow) {
            const auto& direction = flow.directions[side];
            return std::string_view(reinterpret_cast<const char*>(direction.payload_first.data()),
                                    direction.payload_first_length);
        },
        [](StoredFlow& flow, std::string_view value) {
            auto& direction = flow.directions[side];
            const std::size_t length = std::min(value.size(), direction.payload_first.size());
            direction.payload_first_length = static_cast<std::uint8_t>(length);
            std::copy_n(value.begin(), length, direction.payload_first.begin());
        }));
}

FlowColumns make_columns() {
    FlowColumns columns;
    add_core(columns);
    add_part(columns);
    add_tunnel(columns);
    add_direction<0>(columns, "_ts");
    add_direction<1>(columns, "_tc");
    return columns;
}

}  // namespace

// serve::write_flow_row() shows all others, or judges by them, or adds parts up by them (the largest TTL). Of
// TCP the history tells of first payloads.
bool is_detail(std::string_view column) noexcept {
    constexpr std::array<std::string_view, 5> of_flow{"vlan_inner", "port", "handshake_rtt", "duplicates",
                                                      "watch_lists"};
    constexpr std::array<std::string_view, 8> of_direction{"first", "silent", "retransmitted", "out_of_order",
                                                           "ip_id", "tos",    "flags_first",   "payload"};
    const bool sided = column.ends_with("_ts") || column.ends_with("_tc");
    const std::string_view name = sided ? column.substr(0, column.size() - 3) : column;
    const auto is_of = [&](const auto& names) {
        return std::find(names.begin(), names.end(), name) != names.end();
    };
    return sided ? is_of(of_direction) : is_of(of_flow);
}

void make_safe(StoredFlow& flow) noexcept {
    if (flow.end_reason > api::EndReason::lack_of_resources) flow.end_reason = api::EndReason::forced_end;
    if (flow.state > api::ConnState::oth) flow.state = api::ConnState::oth;
    if (flow.tunnel.kind > api::TunnelKind::pppoe) flow.tunnel = {};
}

const FlowColumns& flow_columns() {
    static const FlowColumns columns = make_columns();
    return columns;
}

}  // namespace picket::archive
