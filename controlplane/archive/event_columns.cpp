#include "controlplane/archive/event_columns.h"

#include <algorithm>

namespace picket::archive {

namespace {

using store::StoredRequest;

template <typename Row, typename Field>
Column<Row> moment(std::string name, Field) {
    return computed<Row>(
        std::move(name), [](const Row& row) { return static_cast<std::int64_t>(Field{}(row)); },
        [](Row& row, std::int64_t value) { Field{}(row) = static_cast<std::uint64_t>(value); },
        DUCKDB_TYPE_TIMESTAMP_NS);
}

// Bytes as they were on the wire.
template <typename Row, typename Field>
Column<Row> bytes(std::string name, Field) {
    return text<Row>(
        std::move(name), [](const Row& row) { return std::string_view(Field{}(row)); },
        [](Row& row, std::string_view value) { Field{}(row) = value; });
}

// A flag that is a bool in rows, a number in files.
template <typename Row, typename Field>
Column<Row> flag(std::string name, Field) {
    return {std::move(name), DUCKDB_TYPE_UTINYINT, DUCKDB_TYPE_INVALID,
            [](std::span<const Row> rows, const Target& target) {
                auto* out = target.data<std::uint8_t>();
                for (std::size_t i = 0; i < rows.size(); ++i) out[i] = Field{}(rows[i]) ? 1 : 0;
            },
            [](const Source& source, std::span<Row> rows) {
                const auto* in = source.data<std::uint8_t>();
                for (std::size_t i = 0; i < rows.size(); ++i) Field{}(rows[i]) = in[i] != 0;
            }};
}

template <typename Row, typename Ends>
void add_ends(std::vector<Column<Row>>& columns, Ends) {
    add_address<Row>(
        columns, "client", [](auto& row) -> auto& { return Ends{}(row).client; });
    add_address<Row>(
        columns, "server", [](auto& row) -> auto& { return Ends{}(row).server; });
    const auto add = [&](const char* name, auto field) { columns.push_back(number<Row>(name, field)); };
    add(
        "client_port", [](auto& row) -> auto& { return Ends{}(row).client_port; });
    add(
        "server_port", [](auto& row) -> auto& { return Ends{}(row).server_port; });
    add(
        "proto", [](auto& row) -> auto& { return Ends{}(row).protocol; });
    add(
        "vlan", [](auto& row) -> auto& { return Ends{}(row).vlan; });
    add(
        "port", [](auto& row) -> auto& { return Ends{}(row).port; });
    add(
        "flow_lost", [](auto& row) -> auto& { return Ends{}(row).flow_lost; });
}

std::vector<Column<StoredRequest>> make_request_columns() {
    using Row = StoredRequest;
    std::vector<Column<Row>> columns;
    columns.push_back(moment<Row>(
        "time", [](auto& row) -> auto& { return row.time_ns; }));
    const auto add = [&](const char* name, auto field) { columns.push_back(number<Row>(name, field)); };
    const auto add_bytes = [&](const char* name, auto field) { columns.push_back(bytes<Row>(name, field)); };
    add(
        "flow_id", [](auto& row) -> auto& { return row.flow.id; });
    add(
        "run", [](auto& row) -> auto& { return row.flow.run; });
    add(
        "request", [](auto& row) -> auto& { return row.request; });
    add_ends(
        columns, [](auto& row) -> auto& { return row.ends; });
    add(
        "flags", [](auto& row) -> auto& { return row.flags; });
    add_bytes(
        "method", [](auto& row) -> auto& { return row.method; });
    add_bytes(
        "host", [](auto& row) -> auto& { return row.host; });
    add_bytes(
        "uri", [](auto& row) -> auto& { return row.uri; });
    add_bytes(
        "uri_normalized", [](auto& row) -> auto& { return row.uri_normalized; });
    add_bytes(
        "user_agent", [](auto& row) -> auto& { return row.user_agent; });
    add_bytes(
        "referer", [](auto& row) -> auto& { return row.referer; });
    add_bytes(
        "version", [](auto& row) -> auto& { return row.version; });
    return columns;
}

std::vector<Column<ResponseRow>> make_response_columns() {
    using Row = ResponseRow;
    std::vector<Column<Row>> columns;
    columns.push_back(moment<Row>(
        "time", [](auto& row) -> auto& { return row.time_ns; }));
    columns.push_back(number<Row>(
        "flow_id", [](auto& row) -> auto& { return row.flow.id; }));
    columns.push_back(number<Row>(
        "run", [](auto& row) -> auto& { return row.flow.run; }));
    columns.push_back(number<Row>(
        "request", [](auto& row) -> auto& { return row.request; }));
    columns.push_back(number<Row>(
        "status", [](auto& row) -> auto& { return row.status; }));
    columns.push_back(bytes<Row>(
        "content_type", [](auto& row) -> auto& { return row.content_type; }));
    columns.push_back(number<Row>(
        "content_length", [](auto& row) -> auto& { return row.content_length; }));
    columns.push_back(number<Row>(
        "body_bytes", [](auto& row) -> auto& { return row.body_bytes; }));
    return columns;
}

// Names of buffers, none of which holds a space.
std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const auto& name : names) text += (text.empty() ? "" : " ") + name;
    return text;
}

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> names;
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        names.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return names;
}

std::vector<Column<AlertRow>> make_alert_columns() {
    using Row = AlertRow;
    std::vector<Column<Row>> columns;
    const auto add = [&](const char* name, auto field) { columns.push_back(number<Row>(name, field)); };
    const auto add_bytes = [&](const char* name, auto field) { columns.push_back(bytes<Row>(name, field)); };
    columns.push_back(moment<Row>(
        "time", [](auto& row) -> auto& { return row.hit.time_ns; }));
    columns.push_back(moment<Row>(
        "last", [](auto& row) -> auto& { return row.hit.last_ns; }));
    add(
        "gid", [](auto& row) -> auto& { return row.hit.gid; });
    add(
        "sid", [](auto& row) -> auto& { return row.hit.sid; });
    add(
        "rev", [](auto& row) -> auto& { return row.hit.rev; });
    add(
        "severity", [](auto& row) -> auto& { return row.hit.severity; });
    add(
        "generation", [](auto& row) -> auto& { return row.hit.generation; });
    add_bytes(
        "msg", [](auto& row) -> auto& { return row.hit.message; });
    add_bytes(
        "list", [](auto& row) -> auto& { return row.hit.list; });
    add_address<Row>(
        columns, "src", [](auto& row) -> auto& { return row.hit.source; });
    add_address<Row>(
        columns, "dest", [](auto& row) -> auto& { return row.hit.destination; });
    add(
        "src_port", [](auto& row) -> auto& { return row.hit.source_port; });
    add(
        "dest_port", [](auto& row) -> auto& { return row.hit.destination_port; });
    add(
        "proto", [](auto& row) -> auto& { return row.hit.protocol; });
    add(
        "vlan", [](auto& row) -> auto& { return row.hit.vlan; });
    columns.push_back(flag<Row>(
        "scan", [](auto& row) -> auto& { return row.hit.scan; }));
    columns.push_back(flag<Row>(
        "flow_lost", [](auto& row) -> auto& { return row.hit.flow_lost; }));
    add(
        "flow_id", [](auto& row) -> auto& { return row.hit.flow_id; });
    add(
        "run", [](auto& row) -> auto& { return row.run; });
    add_bytes(
        "uri", [](auto& row) -> auto& { return row.hit.uri; });
    add_bytes(
        "buffers", [](auto& row) -> auto& { return row.buffers; });
    add(
        "count", [](auto& row) -> auto& { return row.hit.count; });
    add(
        "lost_count", [](auto& row) -> auto& { return row.hit.lost_count; });
    return columns;
}

std::vector<Column<store::StoredHit>> make_hit_columns() {
    using Row = store::StoredHit;
    std::vector<Column<Row>> columns;
    columns.push_back(moment<Row>(
        "time", [](auto& row) -> auto& { return row.time_ns; }));
    const auto add = [&](const char* name, auto field) { columns.push_back(number<Row>(name, field)); };
    const auto add_bytes = [&](const char* name, auto field) { columns.push_back(bytes<Row>(name, field)); };
    add(
        "flow_id", [](auto& row) -> auto& { return row.flow.id; });
    add(
        "run", [](auto& row) -> auto& { return row.flow.run; });
    add(
        "request", [](auto& row) -> auto& { return row.request; });
    add(
        "gid", [](auto& row) -> auto& { return row.gid; });
    add(
        "sid", [](auto& row) -> auto& { return row.sid; });
    add(
        "rev", [](auto& row) -> auto& { return row.rev; });
    add(
        "severity", [](auto& row) -> auto& { return row.severity; });
    add(
        "generation", [](auto& row) -> auto& { return row.generation; });
    add_bytes(
        "msg", [](auto& row) -> auto& { return row.message; });
    add_ends(
        columns, [](auto& row) -> auto& { return row.ends; });
    add_bytes(
        "method", [](auto& row) -> auto& { return row.method; });
    add_bytes(
        "host", [](auto& row) -> auto& { return row.host; });
    add_bytes(
        "uri", [](auto& row) -> auto& { return row.uri; });
    add_bytes(
        "uri_normalized", [](auto& row) -> auto& { return row.uri_normalized; });
    add_bytes(
        "referer", [](auto& row) -> auto& { return row.referer; });
    return columns;
}

std::vector<Column<LossRow>> make_loss_columns() {
    using Row = LossRow;
    std::vector<Column<Row>> columns;
    columns.push_back(moment<Row>(
        "begin", [](auto& row) -> auto& { return row.begin_ns; }));
    columns.push_back(moment<Row>(
        "end", [](auto& row) -> auto& { return row.end_ns; }));
    columns.push_back(number<Row>(
        "run", [](auto& row) -> auto& { return row.run; }));
    columns.push_back(number<Row>(
        "lost", [](auto& row) -> auto& { return row.lost; }));
    columns.push_back(number<Row>(
        "folded", [](auto& row) -> auto& { return row.folded; }));
    columns.push_back(number<Row>(
        "unarchived", [](auto& row) -> auto& { return row.unarchived; }));
    return columns;
}

std::vector<Column<store::StoredPacket>> make_packet_columns() {
    using Row = store::StoredPacket;
    std::vector<Column<Row>> columns;
    const auto add = [&](const char* name, auto field) { columns.push_back(number<Row>(name, field)); };
    columns.push_back(moment<Row>(
        "time", [](auto& row) -> auto& { return row.time_ns; }));
    add(
        "flow_id", [](auto& row) -> auto& { return row.flow.id; });
    add(
        "run", [](auto& row) -> auto& { return row.flow.run; });
    add(
        "length", [](auto& row) -> auto& { return row.wire_length; });
    add(
        "payload_at", [](auto& row) -> auto& { return row.payload_at; });
    add(
        "payload_length", [](auto& row) -> auto& { return row.payload_length; });
    add(
        "tcp_sequence", [](auto& row) -> auto& { return row.tcp_sequence; });
    add(
        "link_type", [](auto& row) -> auto& { return row.link_type; });
    add(
        "port", [](auto& row) -> auto& { return row.port; });
    add(
        "from_responder", [](auto& row) -> auto& { return row.from_responder; });
    add(
        "proto", [](auto& row) -> auto& { return row.protocol; });
    columns.push_back(bytes<Row>(
        "frame", [](auto& row) -> auto& { return row.frame; }));
    return columns;
}

}  // namespace

const std::vector<Column<StoredRequest>>& request_columns() {
    static const auto columns = make_request_columns();
    return columns;
}

const std::vector<Column<ResponseRow>>& response_columns() {
    static const auto columns = make_response_columns();
    return columns;
}

const std::vector<Column<store::StoredHit>>& hit_columns() {
    static const auto columns = make_hit_columns();
    return columns;
}

AlertRow alert_row(std::uint64_t run, const detect::Hit& hit) {
    return {run, hit, joined(hit.buffers)};
}

detect::Hit hit_of(const AlertRow& row) {
    detect::Hit hit = row.hit;
    hit.buffers = split(row.buffers);
    return hit;
}

const std::vector<Column<AlertRow>>& alert_columns() {
    static const auto columns = make_alert_columns();
    return columns;
}

const std::vector<Column<LossRow>>& loss_columns() {
    static const auto columns = make_loss_columns();
    return columns;
}

const std::vector<Column<store::StoredPacket>>& packet_columns() {
    static const auto columns = make_packet_columns();
    return columns;
}

}  // namespace picket::archive
