// Foreign flow logs of any bytes: each line or record becomes a flow that the archive can hold, or has a
// sentence that says why not, or says nothing at all; and a CSV's columns are found in its own header.
//
// Input: the format (8 bits), then messages of IPFIX as a file has them, or lines.
#include <string>
#include <vector>

#include "controlplane/import/csv_log.h"
#include "controlplane/import/ipfix_reader.h"
#include "controlplane/import/netflow_line.h"
#include "controlplane/store/protocol_text.h"
#include "controlplane/store/time_text.h"
#include "tests/fuzz/fuzz_input.h"

namespace picket {
namespace {

using fuzz::require;
using importer::ForeignLine;

void check_flow(const store::StoredFlow& flow) {
    require(flow.packets() > 0, "a flow has packets");
    require(flow.start_ns <= flow.last_ns, "a flow ends after it has begun");
    require(flow.last_ns <= INT64_MAX, "the archive's column of times holds it");
    require(flow.is_imported(), "an imported flow says so");
    require(flow.vlan <= 4095, "a VLAN has twelve bits");
    require(store::has_ports(flow.protocol) || (flow.source_port == 0 && flow.destination_port == 0),
            "protocols without ports have none");
    for (const auto& direction : flow.directions) {
        require(direction.packets > 0 || direction.bytes == 0, "bytes are of packets");
        require(flow.protocol == store::protocol_tcp || direction.tcp_flags_union == 0,
                "TCP flags are of TCP");
    }
}

void check_line(const ForeignLine& line) {
    require(!line.flow || line.why.empty(), "what is a flow has nothing wrong");
    if (line.flow) check_flow(*line.flow);
}

void read_ipfix(std::span<const std::uint8_t> bytes) {
    importer::IpfixReader reader([](const ForeignLine& line) {
        require(line.flow || !line.why.empty(), "what is no flow says why");
        check_line(line);
    });
    while (bytes.size() >= importer::ipfix_header_bytes) {
        const std::size_t length = importer::ipfix_message_length(bytes);
        if (length == 0 || length > bytes.size()) return;
        const auto message = fuzz::own_block(bytes.first(length));
        reader.read(message);
        bytes = bytes.subspan(length);
    }
}

std::vector<std::string> lines_of(std::span<const std::uint8_t> bytes) {
    std::vector<std::string> lines(1);
    for (const std::uint8_t byte : bytes) {
        if (byte == '\n') lines.emplace_back();
        if (byte != '\n') lines.back() += static_cast<char>(byte);
    }
    return lines;
}

void read_lines(std::span<const std::uint8_t> bytes, bool csv) {
    const importer::ParseTime utc = [](std::string_view text) { return store::parse_time(text, 0); };
    const auto lines = lines_of(bytes);
    const importer::CsvLog log(lines.front());
    for (const std::string& line : lines) {
        if (!csv) check_line(importer::parse_netflow_line(line, utc));
        if (csv && log.problem().empty()) check_line(log.parse(line, utc));
    }
}

}  // namespace
}  // namespace picket

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace picket;
    fuzz::Input input(data, size);
    const unsigned format = input.u8() % 3;
    if (format == 0) read_ipfix(input.rest());
    if (format != 0) read_lines(input.rest(), format == 1);
    return 0;
}
