#include "controlplane/cli/flow_lines.h"

#include "controlplane/cli/number_text.h"

namespace picket::cli {
namespace {

unsigned protocol_of(const Json& row) {
    const Json& value = member(row, "proto");
    return value.is_string() ? protocol_number(value.get<std::string>())
                             : static_cast<unsigned>(count_at(row, "proto"));
}

std::string end_text(const Json& row, const char* address, const char* port) {
    return text_at(row, address) + "." + std::to_string(count_at(row, port));
}

// "192.0.2.7:80" or "[2001:db8::1]:80" apart; a bare address keeps port 0.
std::pair<std::string, std::uint64_t> split_end(const std::string& end) {
    const std::size_t colon = end.rfind(':');
    const bool bare = colon == std::string::npos || (end.find(':') != colon && end.front() != '[');
    if (bare) return {end, 0};
    std::string address = end.substr(0, colon);
    if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
    std::uint64_t port = 0;
    for (const char c : end.substr(colon + 1)) {
        if (c < '0' || c > '9') return {end, 0};
        port = port * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return {address, port};
}

// EVE writes times with a numeric offset.
std::string eve_time(const Json& time) {
    std::string text = time.is_string() ? time.get<std::string>() : std::string();
    if (text.ends_with('Z')) text.replace(text.size() - 1, 1, "+0000");
    const std::size_t size = text.size();
    if (size > 6 && text[size - 3] == ':' && (text[size - 6] == '+' || text[size - 6] == '-'))
        text.erase(size - 3, 1);
    return text;
}

}  // namespace

std::vector<std::string> netflow_lines(const Json& row, const TimeText& times) {
    std::vector<std::string> lines;
    const auto first = parse_rfc3339_us(text_at(row, "first"));
    const std::string time = first ? times.netflow(*first) : "-";
    const std::string source = end_text(row, "src_ip", "src_port");
    const std::string destination = end_text(row, "dest_ip", "dest_port");
    const std::string protocol = std::to_string(protocol_of(row));
    const auto add = [&](const std::string& from, const std::string& to, const char* packets,
                         const char* bytes) {
        if (count_at(row, packets) == 0) return;
        lines.push_back(time + " " + from + " -> " + to + " " + protocol + " " +
                        std::to_string(count_at(row, packets)) + " " + std::to_string(count_at(row, bytes)));
    };
    add(source, destination, "pkts_toserver", "bytes_toserver");
    add(destination, source, "pkts_toclient", "bytes_toclient");
    return lines;
}

Json eve_flow(const Json& row) {
    Json record;
    record["timestamp"] = eve_time(member(row, "last"));
    record["flow_id"] = member(row, "id");
    record["event_type"] = "flow";
    for (const char* key : {"src_ip", "src_port", "dest_ip", "dest_port"}) record[key] = member(row, key);
    const unsigned protocol = protocol_of(row);
    record["proto"] = protocol < 255 ? protocol_name(protocol) : plain_text(member(row, "proto"));
    if (count_at(row, "vlan") > 0) record["vlan"] = Json::array({count_at(row, "vlan")});
    if (count_at(member(row, "tunnel"), "depth") > 0) record["tunnel"] = member(row, "tunnel");
    Json flow;
    for (const char* key : {"pkts_toserver", "pkts_toclient", "bytes_toserver", "bytes_toclient"}) {
        flow[key] = member(row, key);
    }
    flow["start"] = eve_time(member(row, "first"));
    flow["end"] = eve_time(member(row, "last"));
    const auto first = parse_rfc3339_us(text_at(row, "first"));
    const auto last = parse_rfc3339_us(text_at(row, "last"));
    if (first && last) flow["age"] = (*last - *first) / 1'000'000;
    flow["state"] = member(row, "state");
    flow["reason"] = member(row, "end_reason");
    flow["alerted"] = member(row, "rules").is_array() && !member(row, "rules").empty();
    record["flow"] = std::move(flow);
    if (protocol == 6) {
        record["tcp"] = {{"tcp_flags_ts", member(row, "flags_ts")},
                         {"tcp_flags_tc", member(row, "flags_tc")}};
    }
    return record;
}

Json eve_alert(const Json& row) {
    const auto [source, source_port] = split_end(text_at(row, "source"));
    const auto [destination, destination_port] = split_end(text_at(row, "destination"));
    Json record;
    record["timestamp"] = eve_time(member(row, "time"));
    // Of the first flow: an alert may stand for many.
    if (count_at(row, "flow_id") > 0) record["flow_id"] = member(row, "flow_id");
    record["event_type"] = "alert";
    record["src_ip"] = source;
    if (source_port != 0) record["src_port"] = source_port;
    record["dest_ip"] = destination;
    if (destination_port != 0) record["dest_port"] = destination_port;
    if (!text_at(row, "proto").empty()) record["proto"] = text_at(row, "proto");
    record["alert"] = {{"gid", member(row, "gid").is_null() ? Json(1) : member(row, "gid")},
                       {"signature_id", member(row, "sid")},
                       {"rev", member(row, "rev")},
                       {"signature", member(row, "msg")},
                       {"severity", member(row, "severity")}};
    if (count_at(row, "count") > 1) record["alert"]["hits"] = member(row, "count");
    if (!text_at(row, "uri").empty()) record["http"] = {{"url", member(row, "uri")}};
    return record;
}

}  // namespace picket::cli
