#include <CLI/CLI.hpp>
#include <charconv>
#include <iostream>
#include <memory>

#include "controlplane/cli/commands.h"
#include "controlplane/cli/flow_filters.h"
#include "controlplane/cli/flow_lines.h"
#include "controlplane/cli/flow_shapes.h"
#include "dataplane/api/setup_error.h"

namespace picket::cli {
namespace {

constexpr std::uint64_t top_rows = 20;

const std::vector<std::string> row_fields{
    "id",       "part",          "final",         "first",          "last",
    "src_ip",   "src_port",      "dest_ip",       "dest_port",      "proto",
    "vlan",     "pkts_toserver", "pkts_toclient", "bytes_toserver", "bytes_toclient",
    "flags_ts", "flags_tc",      "ttl_ts",        "ttl_tc",         "state",
    "history",  "end_reason",    "outcome",       "http",           "rules",
    "lost"};
const std::vector<std::string> sum_fields{"flows",        "packets", "bytes", "sources",
                                          "destinations", "first",   "last"};
const std::vector<std::string> talker_fields{"ip", "flows", "packets", "bytes", "first", "last"};
const std::vector<std::string> timeline_fields{"time", "flows", "packets", "bytes"};

struct FlowOptions {
    FlowFilters filters;
    std::string id;
    bool sum = false;
    bool talkers = false;
    bool records = false;
    std::string interval;
    std::string by;
};

std::string shape_of(const FlowOptions& options) {
    if (options.sum) return "sum";
    if (options.talkers) return "talkers";
    if (!options.interval.empty()) return "timeline";
    return options.by.empty() ? "rows" : "by";
}

// The question that usually comes after this one.
std::string next_of(const FlowOptions& options, const Context& context, const Json& answer) {
    const std::string filters = retyped(options.filters, context);
    if (options.sum)
        return count_at(member(answer, "sum"), "flows") > 0 ? "flow show" + filters + " --talkers" : "";
    if (options.talkers) return "flow show" + filters + " --timeline 10m";
    if (!options.interval.empty() || !options.by.empty()) return "flow show" + filters + " --sum";
    if (rows_of(answer).empty()) return "";
    return "flow show " + plain_text(member(rows_of(answer).front(), "id")) + retyped(context);
}

void print_lines(const Printer& printer, const Json& answer) {
    for (const Json& row : rows_of(answer)) {
        if (printer.format() == "eve") {
            std::cout << eve_flow(row).dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
            continue;
        }
        for (const std::string& line : netflow_lines(row, printer.times())) std::cout << line << '\n';
    }
    // The lines are for programs: what they lack is said beside them.
    if (flag_at(answer, "truncated") && !printer.quiet()) {
        std::cerr << "picket: truncated: more rows than shown, raise --limit\n";
    }
    const std::string coverage = coverage_text(answer);
    if (!coverage.empty() && !printer.quiet()) std::cerr << coverage << '\n';
}

// The totals as a row, so that CSV has something to print.
Json with_sum_row(Json answer) {
    if (rows_of(answer).empty()) answer["rows"] = Json::array({member(answer, "sum")});
    return answer;
}

void print_shape(const Printer& printer, const FlowOptions& options, const Json& answer,
                 const Question& question, ControlClient& client) {
    if (options.sum) {
        print_flow_sum(printer, answer, options.filters, question, client);
    } else if (options.talkers) {
        print_flow_talkers(printer, answer);
    } else if (!options.interval.empty()) {
        print_flow_timeline(printer, answer);
    } else if (!options.by.empty()) {
        print_flow_groups(printer, answer, options.by);
    } else {
        print_flow_rows(printer, answer);
    }
}

int show_flows(const Context& context, const FlowOptions& options) {
    const Printer printer(context);
    ControlClient client(context.socket);
    const bool lines = printer.format() == "netflow" || printer.format() == "eve";
    const std::string shape = shape_of(options);
    if (lines && shape != "rows") {
        throw SetupError("--format " + printer.format(), "prints flows, not totals or groups",
                         "leave --sum, --talkers, --timeline or --by, or use --format csv", status_usage);
    }
    Parameters parameters = filter_parameters(options.filters, printer, client);
    if (options.records) parameters.emplace_back("records", "1");
    const Question question = [&](const Parameters& more) {
        return ask(client, "/v1/flows", asked_instead(parameters, more), options.filters);
    };
    Parameters first{{"shape", shape}};
    if (!options.interval.empty()) first.emplace_back("interval", options.interval);
    if (!options.by.empty()) first.emplace_back("by", options.by);
    if (!options.sum && options.interval.empty()) bound_table(first, options.filters, printer);
    // No total is shown.
    if (printer.table() && shape == "rows") first.emplace_back("count_ends", "0");
    Json answer = question(first);
    printer.prepare(answer);
    if (printer.format() == "csv" && options.sum) answer = with_sum_row(std::move(answer));
    const auto& fields = options.sum                 ? sum_fields
                         : options.talkers           ? talker_fields
                         : !options.interval.empty() ? timeline_fields
                         : options.by.empty()        ? row_fields
                                                     : std::vector<std::string>{};
    if (printer.print_plain(answer, fields)) return status_done;
    if (lines) {
        print_lines(printer, answer);
        return status_done;
    }
    print_interval(printer, options.filters, answer);
    print_shape(printer, options, answer, question, client);
    print_coverage(printer, answer, next_of(options, context, answer));
    return status_done;
}

// An id names its flow: a filter or a shape beside it would be read by nobody.
void refuse_beside_id(const FlowOptions& options) {
    const bool selects = shape_of(options) != "rows" || options.records || options.filters.limit ||
                         !options.filters.sort.empty() || !retyped(options.filters, Context{}).empty();
    if (selects) {
        throw SetupError("flow show " + options.id,
                         "an id names one flow, which filters and totals cannot narrow",
                         "leave the id, or the options beside it", status_usage);
    }
}

int show_one_flow(const Context& context, const FlowOptions& options) {
    refuse_beside_id(options);
    const Printer printer(context);
    ControlClient client(context.socket);
    std::uint64_t number = 0;
    const char* end = options.id.data() + options.id.size();
    if (std::from_chars(options.id.data(), end, number).ec != std::errc{}) {
        throw SetupError("flow " + options.id, "there is no flow of this id", "see picket --wide flow show",
                         status_no);
    }
    Json answer = client.get("/v1/flows/" + path_segment(options.id));
    printer.prepare(answer);
    if (printer.print_plain(answer, row_fields)) return status_done;
    if (!printer.table()) {
        print_lines(printer, answer);
        return status_done;
    }
    print_flow_detail(printer, answer);
    std::string next;
    if (!rows_of(answer).empty()) next = "flow show --host " + text_at(rows_of(answer).front(), "src_ip");
    print_coverage(printer, answer, next);
    return status_done;
}

void add_show(CLI::App& group, Context& context) {
    auto options = std::make_shared<FlowOptions>();
    CLI::App* command = group.add_subcommand("show", "flows by filter, live and ended; or one flow in full");
    command->add_option("ID", options->id, "a flow's id")->check([](const std::string& text) {
        const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
        return digits ? std::string()
                      : "'" + text + "' is not a flow id (the number that --wide and -j show)";
    });
    add_filter_options(*command, options->filters, context);
    CLI::Option_group* shapes = command->add_option_group("Shapes");
    shapes->add_flag("--sum", options->sum, "totals");
    shapes->add_flag("--talkers", options->talkers, "one row an address of the sources asked for");
    shapes->add_option("--timeline", options->interval, "flows by their start")->type_name("INTERVAL");
    shapes->add_option("--by", options->by, "group by source, destination, rule, port or payload")
        ->check(CLI::IsMember({"source", "destination", "rule", "port", "payload"}))
        ->type_name("KEY");
    shapes->require_option(0, 1);
    command->add_flag("--records", options->records, "parts of flows, as the active timeout cut them");
    command->callback([&context, options] {
        context.action = [&context, options] {
            return options->id.empty() ? show_flows(context, *options) : show_one_flow(context, *options);
        };
    });
}

void add_top(CLI::App& group, Context& context) {
    auto options = std::make_shared<FlowOptions>();
    CLI::App* command = group.add_subcommand("top", "the largest flows");
    add_filter_options(*command, options->filters, context);
    command->callback([&context, options] {
        context.action = [&context, options] {
            if (options->filters.sort.empty()) options->filters.sort = "bytes";
            if (!options->filters.limit) options->filters.limit = top_rows;
            return show_flows(context, *options);
        };
    });
}

}  // namespace

void add_flow_commands(CLI::App& application, Context& context) {
    CLI::App* group =
        application.add_subcommand("flow", "flows: who talked to whom, how much, was it answered");
    group->require_subcommand(1);
    add_show(*group, context);
    add_top(*group, context);
}

}  // namespace picket::cli
