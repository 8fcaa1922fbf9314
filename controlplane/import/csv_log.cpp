#include "controlplane/import/csv_log.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "controlplane/import/nfdump_protocols.h"
#include "controlplane/store/protocol_text.h"

namespace picket::importer {
namespace {

std::string lower_case(std::string_view text) {
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(),
                           [](unsigned char byte) { return static_cast<char>(std::tolower(byte)); });
    return lower;
}

// "2003/08/22 15:09:54.5" as "2003-08-22T15:09:54.5".
std::string iso_of(std::string_view text) {
    std::string iso(text);
    std::ranges::replace(iso, '/', '-');
    if (iso.size() > 10 && iso[10] == ' ') iso[10] = 'T';
    return iso;
}

// "...AP.SF" or "1b": the bits of TCP flags.
std::uint8_t flags_of(std::string_view text) {
    constexpr std::string_view letters = "FSRPAUEC";
    if (text.size() == 2 && std::isxdigit(static_cast<unsigned char>(text[0])) &&
        std::isxdigit(static_cast<unsigned char>(text[1]))) {
        return static_cast<std::uint8_t>(std::stoul(std::string(text), nullptr, 16));
    }
    unsigned bits = 0;
    for (const char letter : text) {
        const std::size_t place = letters.find(letter);
        if (place != std::string_view::npos) bits |= 1U << place;
    }
    return static_cast<std::uint8_t>(bits);
}

}  // namespace

std::vector<std::string> split_csv(std::string_view line) {
    std::vector<std::string> values(1);
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '"') {
            const bool doubled = quoted && i + 1 < line.size() && line[i + 1] == '"';
            if (doubled) values.back() += line[i++];
            if (!doubled) quoted = !quoted;
        } else if (line[i] == ',' && !quoted) {
            values.emplace_back();
        } else if (line[i] != '\r') {
            values.back() += line[i];
        }
    }
    for (std::string& value : values) {
        value.erase(0, value.find_first_not_of(" \t"));
        value.erase(value.find_last_not_of(" \t") + 1);
    }
    return values;
}

CsvLog::Field CsvLog::field_of(std::string_view name) {
    static constexpr std::pair<std::string_view, Field> names[] = {
        {"first", first},
        {"ts", first},
        {"start", first},
        {"firstseen", first},
        {"date", date},
        {"time", clock},
        {"last", last},
        {"te", last},
        {"end", last},
        {"lastseen", last},
        {"src_ip", source},
        {"sa", source},
        {"srcip", source},
        {"srcaddr", source},
        {"src_port", source_port},
        {"sp", source_port},
        {"srcport", source_port},
        {"dest_ip", destination},
        {"da", destination},
        {"dstip", destination},
        {"dstaddr", destination},
        {"dest_port", destination_port},
        {"dp", destination_port},
        {"dstport", destination_port},
        {"proto", protocol},
        {"pr", protocol},
        {"protocol", protocol},
        {"pkts_toserver", packets},
        {"ipkt", packets},
        {"packets", packets},
        {"bytes_toserver", bytes},
        {"ibyt", bytes},
        {"bytes", bytes},
        {"pkts_toclient", packets_back},
        {"opkt", packets_back},
        {"bytes_toclient", bytes_back},
        {"obyt", bytes_back},
        {"flags_ts", flags},
        {"flg", flags},
        {"flags", flags},
        {"flags_tc", flags_back},
        {"vlan", vlan},
        {"svln", vlan},
    };
    const std::string lower = lower_case(name);
    const auto* found = std::ranges::find(names, lower, &std::pair<std::string_view, Field>::first);
    return found == std::end(names) ? fields : found->second;
}

CsvLog::CsvLog(std::string_view header) {
    places_.fill(nowhere);
    const Row names = split_csv(header);
    columns_ = names.size();
    for (std::size_t i = 0; i < names.size(); ++i) {
        const Field field = field_of(names[i]);
        if (field != fields && places_[field] == nowhere) places_[field] = i;
    }
    if (!has(first) && !(has(date) && has(clock)))
        problem_ = "a column with the time: first, ts, or date and time";
    static constexpr std::pair<Field, const char*> needed[] = {
        {source, "the source: src_ip, sa or SrcIP"},
        {destination, "the destination: dest_ip, da or DstIP"},
        {protocol, "the protocol: proto, pr"},
        {packets, "packets: pkts_toserver, ipkt or packets"},
        {bytes, "bytes: bytes_toserver, ibyt or bytes"}};
    for (const auto& [field, what] : needed) {
        if (!has(field)) problem_ += std::string(problem_.empty() ? "" : "; ") + what;
    }
}

std::string_view CsvLog::at(const Row& row, Field field) const {
    return has(field) ? std::string_view(row[places_[field]]) : std::string_view();
}

std::string CsvLog::take_times(const Row& row, const ParseTime& time, store::StoredFlow& flow) const {
    const std::string text = has(first)
                                 ? iso_of(at(row, first))
                                 : iso_of(std::string(at(row, date)) + " " + std::string(at(row, clock)));
    const auto start = time(text);
    if (!start) return "'" + text + "' is not a time";
    flow.start_ns = flow.last_ns = *start;
    if (at(row, last).empty()) return {};
    const auto end = time(iso_of(at(row, last)));
    if (!end) return "'" + std::string(at(row, last)) + "' is not a time";
    flow.last_ns = *end;
    return {};
}

std::string CsvLog::take_ends(const Row& row, store::StoredFlow& flow, bool& masked) const {
    const auto port = [](std::string_view text) -> std::optional<std::uint64_t> {
        // Where an ICMP type stands, nfdump writes type.code: no port.
        return text.empty() || text.find('.') != std::string_view::npos ? 0 : parse_count(text);
    };
    const auto from = parse_end(at(row, source), masked);
    const auto to = parse_end(at(row, destination), masked);
    if (!from) return "'" + std::string(at(row, source)) + "' is not an address";
    if (!to) return "'" + std::string(at(row, destination)) + "' is not an address";
    const auto number = parse_log_protocol(at(row, protocol));
    if (!number) return "'" + std::string(at(row, protocol)) + "' is not a protocol";
    const auto from_port = port(at(row, source_port));
    const auto to_port = port(at(row, destination_port));
    if (!from_port || !to_port || *from_port > 65535 || *to_port > 65535) return "a port is not 0 to 65535";
    flow.source = *from;
    flow.destination = *to;
    flow.protocol = *number;
    set_ports(flow, static_cast<std::uint16_t>(*from_port), static_cast<std::uint16_t>(*to_port));
    return {};
}

std::string CsvLog::take_counts(const Row& row, store::StoredFlow& flow) const {
    static constexpr std::pair<Field, Field> sides[] = {{packets, bytes}, {packets_back, bytes_back}};
    for (std::size_t side = 0; side < 2; ++side) {
        const auto count = [&](Field field) {
            return at(row, field).empty() ? std::optional<std::uint64_t>(0) : parse_count(at(row, field));
        };
        const auto packet_count = count(sides[side].first);
        const auto byte_count = count(sides[side].second);
        if (!packet_count || !byte_count) return "packets and bytes are not numbers";
        flow.directions[side].packets = *packet_count;
        flow.directions[side].bytes = *byte_count;
    }
    if (flow.protocol == store::protocol_tcp) {
        flow.directions[0].tcp_flags_union = flags_of(at(row, flags));
        flow.directions[1].tcp_flags_union = flags_of(at(row, flags_back));
    }
    const auto tag = at(row, vlan).empty() ? std::optional<std::uint64_t>(0) : parse_count(at(row, vlan));
    if (!tag || *tag > 4095) return "the VLAN is not 0 to 4095";
    flow.vlan = static_cast<std::uint16_t>(*tag);
    return complete(flow);
}

ForeignLine CsvLog::parse(std::string_view line, const ParseTime& time) const {
    if (line.empty() || line == "\r") return {};
    const Row row = split_csv(line);
    ForeignLine read;
    if (row.size() < columns_) {
        read.why = "it has " + std::to_string(row.size()) + " of " + std::to_string(columns_) + " values";
        return read;
    }
    store::StoredFlow flow = new_flow();
    read.why = take_times(row, time, flow);
    if (read.why.empty()) read.why = take_ends(row, flow, read.masked);
    if (read.why.empty()) read.why = take_counts(row, flow);
    if (read.why.empty()) read.flow = flow;
    return read;
}

}  // namespace picket::importer
