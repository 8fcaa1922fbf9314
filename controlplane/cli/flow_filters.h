// The filter options that flow and alert share, and their way into the parameters of picketd's API.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controlplane/cli/context.h"
#include "controlplane/cli/control_client.h"

namespace CLI {
class App;
}

namespace picket::cli {

// Rows of a table for which no limit was given.
inline constexpr std::uint64_t table_rows_max = 1000;

struct FlowFilters {
    std::string since, until, source, destination, protocol, watch, rule, uri, status, outcome, sort;
    std::vector<std::string> hosts;
    std::string ips_file;
    std::optional<unsigned> port, source_port, destination_port, vlan;
    std::optional<std::uint64_t> packets_min, bytes_min, limit;
    bool unanswered = false;
};

// Options --since … --sort, --format and --mask.
void add_filter_options(CLI::App& command, FlowFilters& filters, Context& context);

// Parameters for the API. A bare time in another zone than UTC is resolved here against picketd's clock.
[[nodiscard]] Parameters filter_parameters(const FlowFilters& filters, const Printer& printer,
                                           ControlClient& client);
// Tables end somewhere; documents and lines for programs are whole.
void bound_table(Parameters& parameters, const FlowFilters& filters, const Printer& printer);
// What was asked for, with what is asked for now instead of parameters of the same names.
[[nodiscard]] Parameters asked_instead(const Parameters& asked, const Parameters& now);
// Asks `path` with the parameters, and with --ips where given.
[[nodiscard]] Json ask(ControlClient& client, const std::string& path, const Parameters& parameters,
                       const FlowFilters& filters);
// The same, of what changes something.
[[nodiscard]] Json tell(ControlClient& client, const std::string& path, const Parameters& parameters,
                        const FlowFilters& filters);
// The options as they would be typed again, each with a leading space: --mask and --tz; and the filters too.
[[nodiscard]] std::string retyped(const Context& context);
[[nodiscard]] std::string retyped(const FlowFilters& filters, const Context& context);

// "2003-08-22 15:09:54 → 2003-08-22 18:14:09 (UTC)" where the answer echoes an interval and one was asked
// for.
void print_interval(const Printer& printer, const FlowFilters& filters, const Json& answer);

}  // namespace picket::cli
