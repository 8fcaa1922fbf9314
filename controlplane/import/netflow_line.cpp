#include "controlplane/import/netflow_line.h"

#include <algorithm>
#include <array>
#include <string>

#include "controlplane/import/nfdump_protocols.h"

namespace picket::importer {
namespace {

constexpr std::size_t fields_expected = 8;
using Fields = std::array<std::string_view, fields_expected + 1>;

// The number of fields between spaces; one more than the array holds for any that are too many.
std::size_t split(std::string_view line, Fields& fields) {
    constexpr std::string_view spaces = " \t\r";
    std::size_t count = 0;
    while (count < fields.size()) {
        const std::size_t begin = line.find_first_not_of(spaces);
        if (begin == std::string_view::npos) break;
        line.remove_prefix(begin);
        const std::size_t end = std::min(line.find_first_of(spaces), line.size());
        fields[count++] = line.substr(0, end);
        line.remove_prefix(end);
    }
    return count;
}

// "67.73.21.6.50416"; of protocols without ports also the address alone.
bool parse_end_and_port(std::string_view text, api::Address& address, std::uint16_t& port, bool& masked) {
    const std::size_t dot = text.rfind('.');
    if (dot != std::string_view::npos) {
        const auto number = parse_count(text.substr(dot + 1));
        const auto end = parse_end(text.substr(0, dot), masked);
        if (end && number && *number <= 65535) {
            address = *end;
            port = static_cast<std::uint16_t>(*number);
            return true;
        }
    }
    const auto end = parse_end(text, masked);
    if (!end) return false;
    address = *end;
    port = 0;
    return true;
}

ForeignLine wrong(std::string why) {
    return {std::nullopt, false, std::move(why)};
}

}  // namespace

ForeignLine parse_netflow_line(std::string_view line, const ParseTime& time) {
    Fields fields;
    const std::size_t count = split(line, fields);
    if (count == 0 || fields[0].starts_with('#')) return {};
    if (count != fields_expected || fields[3] != "->") {
        return wrong("it is not 'date time source.port -> destination.port protocol packets bytes'");
    }
    ForeignLine read;
    store::StoredFlow flow = new_flow();
    std::string day(fields[0]);
    std::ranges::replace(day, '/', '-');
    const auto start = time(day + "T" + std::string(fields[1]));
    if (!start) return wrong("'" + day + " " + std::string(fields[1]) + "' is not a time");
    flow.start_ns = flow.last_ns = *start;
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    if (!parse_end_and_port(fields[2], flow.source, source_port, read.masked))
        return wrong("'" + std::string(fields[2]) + "' is not an address and port");
    if (!parse_end_and_port(fields[4], flow.destination, destination_port, read.masked))
        return wrong("'" + std::string(fields[4]) + "' is not an address and port");
    const auto protocol = parse_log_protocol(fields[5]);
    if (!protocol) return wrong("'" + std::string(fields[5]) + "' is not a protocol");
    flow.protocol = *protocol;
    set_ports(flow, source_port, destination_port);
    const auto packets = parse_count(fields[6]);
    const auto bytes = parse_count(fields[7]);
    if (!packets || !bytes) return wrong("packets and bytes are not numbers");
    flow.directions[0].packets = *packets;
    flow.directions[0].bytes = *bytes;
    if (auto why = complete(flow); !why.empty()) return wrong(std::move(why));
    read.flow = flow;
    return read;
}

}  // namespace picket::importer
