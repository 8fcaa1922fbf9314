#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "controlplane/cli/commands.h"
#include "controlplane/cli/flow_filters.h"
#include "controlplane/cli/probe_text.h"
#include "dataplane/api/setup_error.h"

namespace picket::cli {
namespace {

const std::vector<std::string> probe_fields{"source",     "destination", "port",    "rule",    "time",
                                            "method",     "uri",         "host",    "referer", "status",
                                            "bytes_back", "outcome",     "inferred"};
const std::vector<std::string> source_fields{"source", "rule",     "first",    "last",    "destinations",
                                             "seen",   "inferred", "outcomes", "stopped", "resumed"};

struct ProbeOptions {
    FlowFilters filters;
    std::string source;
    std::string destination;
    std::string by;
    std::string interval;
    bool sum = false;
    bool detail = false;
};

std::string shape_of(const ProbeOptions& options) {
    if (options.sum) return "sum";
    if (!options.interval.empty()) return "timeline";
    return options.by.empty() ? "rows" : "by";
}

// The two hosts that were named are filters as --src and --dst are.
void take_hosts(ProbeOptions& options) {
    const auto take = [](const std::string& host, std::string& filter, const char* option) {
        if (host.empty()) return;
        if (!filter.empty()) {
            throw SetupError(option, "names a host that is named already", "leave one of the two",
                             status_usage);
        }
        filter = host;
    };
    take(options.source, options.filters.source, "--src");
    take(options.destination, options.filters.destination, "--dst");
}

// The question that usually comes after this one.
std::string next_of(const ProbeOptions& options, const Context& context, const Json& answer) {
    const Json& rows = rows_of(answer);
    if (rows.empty()) return "";
    const std::string filters = retyped(options.filters, context);
    if (options.by == "source") {
        return "probe show" + filters +
               (options.filters.source.empty() ? " --src " + text_at(rows.front(), "source") : "");
    }
    if (options.detail) return "flow show " + plain_text(member(rows.front(), "flow_id")) + retyped(context);
    if (shape_of(options) == "rows" && count_at(member(answer, "sum"), "answered") == 1) {
        for (const Json& row : rows) {
            if (text_at(row, "outcome") != "answered") continue;
            return "probe show " + text_at(row, "source") + " " + text_at(row, "destination") + " --detail" +
                   retyped(context);
        }
    }
    return "probe show" + filters + " --by source";
}

void print_shape(const Printer& printer, const ProbeOptions& options, const Json& answer) {
    if (!options.interval.empty()) return print_probe_timeline(printer, answer);
    if (options.by == "source") return print_probe_sources(printer, answer);
    if (!options.by.empty()) return print_probe_groups(printer, answer, options.by);
    if (options.detail) return print_probe_details(printer, answer);
    if (!options.sum) print_probe_rows(printer, answer);
    print_probe_sum(answer);
}

// Groups come by what they count, and a timeline by time.
void refuse_order_of_groups(const ProbeOptions& options) {
    if (options.filters.sort.empty() || shape_of(options) == "rows") return;
    throw SetupError("probe show --sort " + options.filters.sort,
                     "orders probes, and groups, totals and timelines have an order of their own",
                     "leave --sort, or --by, --timeline and --sum", status_usage);
}

int show(const Context& context, ProbeOptions options) {
    const Printer printer(context);
    refuse_order_of_groups(options);
    if (printer.format() == "netflow" || printer.format() == "eve") {
        throw SetupError("--format " + printer.format(), "prints flows, not probes", "use table, json or csv",
                         status_usage);
    }
    take_hosts(options);
    ControlClient client(context.socket);
    const Parameters filters = filter_parameters(options.filters, printer, client);
    Parameters parameters = filters;
    parameters.emplace_back("shape", shape_of(options));
    if (options.detail) parameters.emplace_back("answers", "1");
    if (!options.interval.empty()) parameters.emplace_back("interval", options.interval);
    if (!options.by.empty()) parameters.emplace_back("by", options.by);
    if (!options.sum && options.interval.empty()) bound_table(parameters, options.filters, printer);
    Json answer = ask(client, "/v1/probes", parameters, options.filters);
    if (options.by == "source" && printer.table()) {
        add_answered_probes(answer, [&](const Parameters& more) {
            return ask(client, "/v1/probes", asked_instead(filters, more), options.filters);
        });
    }
    printer.prepare(answer);
    if (printer.format() == "csv" && options.sum) answer["rows"] = Json::array({member(answer, "sum")});
    const auto& fields = shape_of(options) == "rows" ? probe_fields
                         : options.by == "source"    ? source_fields
                                                     : std::vector<std::string>{};
    if (printer.print_plain(answer, fields)) return status_done;
    print_interval(printer, options.filters, answer);
    if (count_at(member(answer, "sum"), "probes") == 0) {
        std::cout << "no probes\n";
    } else {
        print_shape(printer, options, answer);
    }
    print_coverage(printer, answer, next_of(options, context, answer));
    return status_done;
}

}  // namespace

void add_probe_commands(CLI::App& application, Context& context) {
    CLI::App* group =
        application.add_subcommand("probe", "what probed for what, what came back, when it stopped");
    group->require_subcommand(1);
    auto options = std::make_shared<ProbeOptions>();
    CLI::App* command =
        group->add_subcommand("show", "rule hits and inferred attempts, each with its outcome");
    command->add_option("SOURCE", options->source, "who probes")->type_name("IP|CIDR");
    command->add_option("DESTINATION", options->destination, "who is probed")->type_name("IP|CIDR");
    add_filter_options(*command, options->filters, context);
    CLI::Option_group* shapes = command->add_option_group("Shapes");
    shapes->add_flag("--sum", options->sum, "totals");
    shapes->add_flag("--detail", options->detail, "each probe in full");
    shapes->add_option("--timeline", options->interval, "seen and inferred by time")->type_name("INTERVAL");
    shapes->add_option("--by", options->by, "group by source, destination or rule")
        ->check(CLI::IsMember({"source", "destination", "rule"}))
        ->type_name("KEY");
    shapes->require_option(0, 1);
    command->callback(
        [&context, options] { context.action = [&context, options] { return show(context, *options); }; });
}

}  // namespace picket::cli
