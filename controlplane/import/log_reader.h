// Reads whole files of foreign flow logs, whatever their format.
//
// Files that nfcapd wrote are read through the program nfdump. Text may be compressed with gzip. Lines that
// are not understood are named and skipped, as are records of IPFIX; a file that cannot be read to its end
// says why.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/import/foreign_flow.h"

namespace picket::importer {

enum class LogFormat : std::uint8_t { netflow, csv, nfcapd, ipfix };
inline constexpr std::array<std::string_view, 4> log_format_names{"netflow", "csv", "nfcapd", "ipfix"};

struct LineProblem {
    std::uint64_t line = 0;  // 1-based; of IPFIX the message
    std::string why;
};

struct LogReport {
    std::string file;
    std::optional<LogFormat> format;
    std::uint64_t flows = 0;
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    std::uint64_t masked = 0;    // flows with an address that was not told
    std::uint64_t rejected = 0;  // lines (of IPFIX records and sets) that were not understood
    std::uint64_t first_ns = 0;  // 0: no flow
    std::uint64_t last_ns = 0;
    std::vector<LineProblem> problems;  // the first ones
    std::string error;                  // why the file was not read to its end; empty: it was

    static constexpr std::size_t problems_max = 20;
};

using FlowSink = std::function<void(const store::StoredFlow&)>;

// format: what it is; nothing: told from its beginning. time: of logs that name no zone.
[[nodiscard]] LogReport read_log(const std::string& file, std::optional<LogFormat> format,
                                 const ParseTime& time, const FlowSink& sink);

}  // namespace picket::importer
