#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "controlplane/cli/commands.h"
#include "controlplane/cli/flow_filters.h"
#include "controlplane/cli/number_text.h"
#include "dataplane/api/setup_error.h"

namespace picket::cli {
namespace {

const std::vector<std::string> scan_fields{"source",       "kind",    "proto",    "port",
                                           "destinations", "ports",   "outcomes", "first",
                                           "last",         "flagged", "state",    "one_way"};

struct ScanOptions {
    FlowFilters filters;
    std::string host;
};

std::string target_text(const Json& row) {
    const std::string kind = text_at(row, "kind");
    if (kind == "port-scan") return text_at(row, "destination");
    const std::string port = plain_text(member(row, "port"));
    return (port.empty() ? "" : "port " + port + "/") + text_at(row, "proto");
}

std::string outcomes_of(const Json& row) {
    std::string text;
    const Json& outcomes = member(row, "outcomes");
    if (!outcomes.is_object()) return text;
    for (const auto& [name, count] : outcomes.items()) {
        text += (text.empty() ? "" : "   ") + grouped(count.get<std::uint64_t>()) + " " + name;
    }
    return text;
}

std::string span_of(const Printer& printer, const Json& row) {
    const auto first = parse_rfc3339_us(text_at(row, "first"));
    const auto last = parse_rfc3339_us(text_at(row, "last"));
    if (!first || !last) return "";
    const TimeText& times = printer.times();
    const bool one_day = times.date(*first) == times.date(*last);
    return times.date(*first) + " " + times.seconds(*first) + " → " +
           (one_day ? "" : times.date(*last) + " ") + times.seconds(*last) + times.suffix(*last);
}

std::string clock_of(const Printer& printer, const Json& row, const char* key) {
    const auto us = parse_rfc3339_us(text_at(row, key));
    return us ? printer.times().seconds(*us) : "-";
}

void print_scan(const Printer& printer, const Json& row) {
    const std::uint64_t sources = count_at(row, "sources");
    const std::string who = sources > 1 ? grouped(sources) + " sources" : named(row, "source");
    const bool ports = text_at(row, "kind") == "port-scan";
    std::cout << who << "   " << text_at(row, "kind") << " of " << target_text(row) << "   "
              << text_at(row, "state") << '\n';
    std::cout << "  " << span_of(printer, row) << "   flagged " << clock_of(printer, row, "flagged") << '\n';
    std::cout << "  " << grouped(count_at(row, ports ? "ports" : "destinations"))
              << (ports ? " ports" : " destinations");
    const std::string outcomes = outcomes_of(row);
    std::cout << (outcomes.empty() ? "" : "   " + outcomes) << '\n';
    if (flag_at(row, "one_way"))
        std::cout << "  hardly anything comes back at this tap: silence proves little here\n";
}

// Of a scan's flows these tell something, of a scan nothing.
void refuse_what_scans_lack(const FlowFilters& filters) {
    std::string option = filters.source_port ? "--sport" : "";
    for (const char* key : {"packets", "bytes", "duration"}) {
        if (filters.sort.ends_with(key)) option = "--sort " + filters.sort;
    }
    if (option.empty()) return;
    throw SetupError("scan show " + option, "is told of flows, and a scan is many",
                     "leave it, or ask for a scanner's flows: picket flow show --src HOST", status_usage);
}

int show(const Context& context, ScanOptions options) {
    const Printer printer(context);
    refuse_what_scans_lack(options.filters);
    if (printer.format() == "netflow" || printer.format() == "eve") {
        throw SetupError("--format " + printer.format(), "prints flows, not scans", "use table, json or csv",
                         status_usage);
    }
    if (!options.host.empty()) options.filters.hosts.push_back(options.host);
    ControlClient client(context.socket);
    Parameters parameters = filter_parameters(options.filters, printer, client);
    bound_table(parameters, options.filters, printer);
    Json answer = ask(client, "/v1/scans", parameters, options.filters);
    printer.prepare(answer);
    if (printer.print_plain(answer, scan_fields)) return status_done;
    print_interval(printer, options.filters, answer);
    for (const Json& row : rows_of(answer)) print_scan(printer, row);
    if (rows_of(answer).empty()) std::cout << "no scans\n";
    const std::string source = rows_of(answer).empty() ? "" : text_at(rows_of(answer).front(), "source");
    print_coverage(printer, answer,
                   source.empty() ? "" : "flow show --src " + source + " --by port" + retyped(context));
    return status_done;
}

}  // namespace

void add_scan_commands(CLI::App& application, Context& context) {
    CLI::App* group = application.add_subcommand("scan", "who tries many hosts or ports");
    group->require_subcommand(1);
    auto options = std::make_shared<ScanOptions>();
    CLI::App* command = group->add_subcommand("show", "sweeps, port scans and distributed scans");
    command->add_option("HOST", options->host, "of this host")->type_name("IP|CIDR");
    add_filter_options(*command, options->filters, context);
    command->callback(
        [&context, options] { context.action = [&context, options] { return show(context, *options); }; });
}

}  // namespace picket::cli
