#include "controlplane/archive/sql_views.h"

#include "controlplane/archive/event_columns.h"
#include "controlplane/archive/flow_columns.h"
#include "controlplane/archive/row_feed.h"
#include "controlplane/archive/table_io.h"

namespace picket::archive {

namespace {

constexpr const char* macros[] = {
    // IPv4 lies in ::ffff:0:0/96; IPv6 is written in full.
    "CREATE MACRO ip(hi, lo) AS CASE WHEN hi = 0 AND lo >> 32 = 65535 "
    "THEN concat_ws('.', (lo >> 24) & 255, (lo >> 16) & 255, (lo >> 8) & 255, lo & 255) "
    "ELSE printf('%x:%x:%x:%x:%x:%x:%x:%x', (hi >> 48) & 65535, (hi >> 32) & 65535, (hi >> 16) & 65535, "
    "hi & 65535, (lo >> 48) & 65535, (lo >> 32) & 65535, (lo >> 16) & 65535, lo & 65535) END",
    // The number that an IPv4 address has in src_lo and dest_lo: comparing numbers is fast, texts is not.
    "CREATE MACRO v4(text) AS 281470681743360 + split_part(text, '.', 1)::UBIGINT * 16777216 + "
    "split_part(text, '.', 2)::UBIGINT * 65536 + split_part(text, '.', 3)::UBIGINT * 256 + "
    "split_part(text, '.', 4)::UBIGINT",
    // What foreign logs do not tell of a flow is NULL: store::flow_imported.
    "CREATE MACRO seen(flags, value) AS CASE WHEN flags < 2147483648 THEN value END",
};

// A part of a flow, readable.
constexpr const char* parts_columns =
    "run, id, part, final, start AS first, make_timestamp_ns(epoch_ns(start) + last) AS last, "
    "make_timestamp_ns(epoch_ns(start) + part_first) AS part_first, ip(src_hi, src_lo) AS src_ip, src_port, "
    "ip(dest_hi, dest_lo) AS dest_ip, dest_port, proto, vlan, pkts_toserver, pkts_toclient, bytes_toserver, "
    "bytes_toclient, flags_ts, flags_tc, "
    "seen(flags, (['S0','S1','SF','REJ','S2','S3','RSTO','RSTR','RSTOS0','RSTRH','SH','SHR','OTH'])[state + "
    "1]) "
    "AS state, seen(flags, history) AS history, "
    "seen(flags, (['live','idle_timeout','active_timeout','end_of_flow','forced_end','lack_of_resources'])"
    "[end_reason + 1]) AS end_reason, requests, first_status, rule_count, generation, rules, lost_ts, "
    "lost_tc, "
    "seen(flags, ttl_ts) AS ttl_ts, seen(flags, ttl_tc) AS ttl_tc, seen(flags, tos_ts) AS tos_ts, "
    "seen(flags, tos_tc) AS tos_tc, handshake_rtt, duplicates, icmp_error, src_hi, src_lo, dest_hi, dest_lo";

// Parts of one flow added up. One whose ends were found the other way round counts for the other direction.
constexpr const char* flows_view =
    "CREATE VIEW flows AS "
    "WITH turned AS (SELECT *, arg_max(src_hi, part) OVER flow AS a_hi, arg_max(src_lo, part) OVER flow AS "
    "a_lo, "
    "arg_max(src_port, part) OVER flow AS a_port FROM parts WHERE NOT (part = 1 AND final = 1) "
    "WINDOW flow AS (PARTITION BY run, id)), "
    "straight AS (SELECT *, (src_hi = a_hi AND src_lo = a_lo AND src_port = a_port) AS same FROM turned) "
    "SELECT run, id, first, last, src_ip, src_port, dest_ip, dest_port, proto, vlan, pkts_toserver, "
    "pkts_toclient, bytes_toserver, bytes_toclient, state, history, end_reason, requests, first_status, "
    "rule_count, src_hi, src_lo, dest_hi, dest_lo FROM parts WHERE part = 1 AND final = 1 "
    "UNION ALL SELECT run, id, min(first), max(last), arg_max(src_ip, part), arg_max(src_port, part), "
    "arg_max(dest_ip, part), arg_max(dest_port, part), any_value(proto), arg_min(vlan, part), "
    "sum(CASE WHEN same THEN pkts_toserver ELSE pkts_toclient END)::UBIGINT, "
    "sum(CASE WHEN same THEN pkts_toclient ELSE pkts_toserver END)::UBIGINT, "
    "sum(CASE WHEN same THEN bytes_toserver ELSE bytes_toclient END)::UBIGINT, "
    "sum(CASE WHEN same THEN bytes_toclient ELSE bytes_toserver END)::UBIGINT, "
    "arg_max(state, part), arg_max(history, part), arg_max(end_reason, part), arg_max(requests, part), "
    "max(first_status), arg_max(rule_count, part), arg_max(src_hi, part), arg_max(src_lo, part), "
    "arg_max(dest_hi, part), arg_max(dest_lo, part) FROM straight GROUP BY run, id";

constexpr const char* requests_columns =
    "time, run, flow_id, request, ip(client_hi, client_lo) AS client_ip, client_port, "
    "ip(server_hi, server_lo) AS server_ip, server_port, method::VARCHAR AS method, host::VARCHAR AS host, "
    "uri::VARCHAR AS uri, nullif(uri_normalized, ''::BLOB)::VARCHAR AS uri_normalized, "
    "user_agent::VARCHAR AS user_agent, referer::VARCHAR AS referer, version::VARCHAR AS version, flags";

constexpr const char* responses_columns =
    "time, run, flow_id, request, status, content_type::VARCHAR AS content_type, content_length, body_bytes";

constexpr const char* alerts_columns =
    "time, gid, sid, rev, severity, generation, msg::VARCHAR AS msg, list::VARCHAR AS list, "
    "ip(src_hi, src_lo) AS src_ip, src_port, ip(dest_hi, dest_lo) AS dest_ip, dest_port, proto, vlan, run, "
    "flow_id, uri::VARCHAR AS uri, \"count\", src_hi, src_lo, dest_hi, dest_lo";

constexpr const char* hits_columns =
    "time, run, flow_id, request, gid, sid, rev, severity, msg::VARCHAR AS msg, "
    "ip(client_hi, client_lo) AS client_ip, client_port, ip(server_hi, server_lo) AS server_ip, server_port, "
    "proto, vlan, method::VARCHAR AS method, host::VARCHAR AS host, uri::VARCHAR AS uri, "
    "referer::VARCHAR AS referer, client_hi, client_lo, server_hi, server_lo";

constexpr const char* packets_columns =
    "time, run, flow_id, length, octet_length(frame) AS captured, from_responder, proto, port, link_type, "
    "payload_at, payload_length, tcp_sequence, frame";

}  // namespace

std::vector<std::string> sql_views(const std::vector<FilePointer>& files) {
    std::vector<std::string> statements(std::begin(macros), std::end(macros));
    const auto add = [&](const char* view, const char* columns, Table table, const auto& list) {
        const std::string paths = file_list(files, table, {}, {});
        std::string source = "read_parquet(" + paths + ")";
        if (paths.empty()) {
            // An empty table of the same columns stands for files that are not there.
            source = std::string(view) + "_none";
            statements.push_back("CREATE TABLE " + source + " (" + definitions_of(types_of(list)) + ")");
        }
        statements.push_back("CREATE VIEW " + std::string(view) + " AS SELECT " + columns + " FROM " +
                             source);
    };
    add("parts", parts_columns, Table::flows, flow_columns());
    statements.emplace_back(flows_view);
    add("requests", requests_columns, Table::requests, request_columns());
    add("responses", responses_columns, Table::responses, response_columns());
    add("hits", hits_columns, Table::hits, hit_columns());
    add("alerts", alerts_columns, Table::alerts, alert_columns());
    add("losses", "*", Table::coverage, loss_columns());
    add("packets", packets_columns, Table::packets, packet_columns());
    return statements;
}

}  // namespace picket::archive
