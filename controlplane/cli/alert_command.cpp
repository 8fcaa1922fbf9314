#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>

#include "controlplane/cli/commands.h"
#include "controlplane/cli/flow_filters.h"
#include "controlplane/cli/flow_lines.h"
#include "controlplane/cli/number_text.h"
#include "dataplane/api/setup_error.h"

namespace picket::cli {
namespace {

constexpr const char* poll_ms = "10000";
constexpr unsigned answer_timeout_s = 30;

const std::vector<std::string> alert_fields{"time",   "sid",        "rev",         "msg",          "severity",
                                            "source", "sources",    "destination", "count",        "first",
                                            "last",   "generation", "lost",        "acknowledged", "new"};

struct AlertOptions {
    FlowFilters filters;
    std::uint64_t rows_max = 0;  // tail: 0 is without end
    bool unacknowledged = false;
};

std::string sid_text(const Json& row) {
    const std::string sid = plain_text(member(row, "sid"));
    return sid.empty() || sid == "0" ? "-" : sid;
}

// An alert that several sources share carries one of them, and how many there are.
std::string source_text(const Json& row) {
    const std::uint64_t sources = count_at(row, "sources");
    return text_at(row, "source") + (sources > 1 ? " +" + grouped(sources - 1) : "");
}

void print_eve(const Json& row) {
    std::cout << eve_alert(row).dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
}

// "yes", or how many hits have come since it was acknowledged.
std::string acknowledged_text(const Json& row) {
    if (!member(row, "acknowledged").is_string()) return "";
    const std::uint64_t news = count_at(row, "new");
    return news == 0 ? "yes" : "+" + grouped(news);
}

void print_rows(const Printer& printer, const Json& answer) {
    const Json& rows = rows_of(answer);
    const bool acknowledged =
        std::ranges::any_of(rows, [](const Json& row) { return !acknowledged_text(row).empty(); });
    const std::string day = printer.wide() ? "" : printer.shared_day(rows, {"last"});
    std::vector<Column> columns{time_column("LAST", 1, day),     {"SID"},
                                {"SEV", Give::drop, 2},          {"COUNT"},
                                {"SOURCE", Give::middle, 5, 15}, {"DESTINATION", Give::middle, 4, 15},
                                {"MESSAGE", Give::end, 3, 18}};
    if (acknowledged) columns.insert(columns.begin() + 4, {"ACK"});
    if (printer.wide()) columns.insert(columns.end(), {{"FIRST"}, {"REV"}, {"GENERATION"}, {"LOST"}});
    Table table(columns);
    for (const Json& row : rows) {
        std::vector<std::string> cells{printer.moment(member(row, "last"), day),
                                       sid_text(row),
                                       plain_text(member(row, "severity")),
                                       grouped(count_at(row, "count")),
                                       source_text(row),
                                       text_at(row, "destination"),
                                       text_at(row, "msg")};
        if (acknowledged) cells.insert(cells.begin() + 4, acknowledged_text(row));
        if (printer.wide()) {
            cells.insert(cells.end(),
                         {printer.moment(member(row, "first")), plain_text(member(row, "rev")),
                          plain_text(member(row, "generation")), plain_text(member(row, "lost"))});
        }
        table.add(std::move(cells));
    }
    if (!day.empty() && !printer.quiet()) std::cout << "on " << day << '\n';
    printer.print(table);
    if (rows.empty()) std::cout << "no alerts\n";
}

int show(const Context& context, const AlertOptions& options) {
    const Printer printer(context);
    if (printer.format() == "netflow") {
        throw SetupError("--format netflow", "prints flows, not alerts", "use table, json, csv or eve",
                         status_usage);
    }
    ControlClient client(context.socket);
    Parameters parameters = filter_parameters(options.filters, printer, client);
    bound_table(parameters, options.filters, printer);
    if (options.unacknowledged) parameters.emplace_back("unacknowledged", "1");
    Json answer = ask(client, "/v1/alerts", parameters, options.filters);
    printer.prepare(answer);
    if (printer.print_plain(answer, alert_fields)) return status_done;
    if (printer.format() == "eve") {
        for (const Json& row : rows_of(answer)) print_eve(row);
        return status_done;
    }
    print_interval(printer, options.filters, answer);
    print_rows(printer, answer);
    const Json& rows = rows_of(answer);
    std::string next = "alert tail";
    if (!rows.empty() && sid_text(rows.front()) != "-") next = "flow show --rule " + sid_text(rows.front());
    print_coverage(printer, answer, next);
    return status_done;
}

// Rows in an order, and the first of them, are what `show` prints.
void refuse_order(const FlowFilters& filters, const std::string& command, const std::string& remedy) {
    if (!filters.limit && filters.sort.empty()) return;
    throw SetupError("picket " + command + (filters.limit ? " --limit" : " --sort"),
                     "chooses rows to show, and this command shows none of a known number", remedy,
                     status_usage);
}

int acknowledge(const Context& context, const AlertOptions& options) {
    const Printer printer(context);
    refuse_order(options.filters, "alert ack", "narrow it with filters: --rule, --src, --since, …");
    ControlClient client(context.socket);
    const Parameters parameters = filter_parameters(options.filters, printer, client);
    Json answer = tell(client, "/v1/alerts/ack", parameters, options.filters);
    printer.prepare(answer);
    const std::string trouble = text_at(answer, "trouble");
    const int status = trouble.empty() ? status_done : status_damaged;
    if (printer.format() == "json") {
        std::cout << answer.dump() << '\n';
        return status;
    }
    if (!trouble.empty()) std::cerr << "picket: acknowledged until picketd ends: " << trouble << '\n';
    if (context.quiet) return status;
    std::cout << grouped(count_at(answer, "acknowledged")) << " of " << grouped(count_at(answer, "alerts"))
              << " alerts had hits that were not acknowledged, and are now\n";
    print_coverage(printer, Json::object(), "alert show --unacknowledged");
    return status;
}

void print_tail_row(const Printer& printer, const Json& row) {
    if (printer.format() == "json") {
        std::cout << row.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
    } else if (printer.format() == "csv") {
        std::vector<std::string> cells;
        for (const std::string& field : alert_fields) cells.push_back(plain_text(member(row, field.c_str())));
        std::cout << csv_line(cells) << '\n';
    } else if (printer.format() == "eve") {
        print_eve(row);
    } else {
        const auto us = parse_rfc3339_us(text_at(row, "last"));
        const std::string time = us ? printer.times().seconds(*us) + printer.times().suffix(*us) : "-";
        std::cout << time << "  " << source_text(row) << " → " << text_at(row, "destination") << "  ×"
                  << grouped(count_at(row, "count")) << "  " << sid_text(row) << "  " << text_at(row, "msg")
                  << '\n';
    }
    std::cout.flush();
}

// Each answer of picketd holds what is new since the position of the one before.
int tail(const Context& context, const AlertOptions& options) {
    const Printer printer(context);
    if (printer.format() == "netflow") {
        throw SetupError("--format netflow", "prints flows, not alerts", "use table, json, csv or eve",
                         status_usage);
    }
    refuse_order(options.filters, "alert tail", "stop after N lines with -n N");
    ControlClient client(context.socket);
    client.set_answer_timeout_s(answer_timeout_s);
    const Parameters filters = filter_parameters(options.filters, printer, client);
    if (printer.format() == "csv") std::cout << csv_line(alert_fields) << '\n' << std::flush;
    std::string after;
    std::uint64_t printed = 0;
    while (std::cout) {
        Parameters parameters = filters;
        if (!after.empty()) parameters.emplace_back("after", after);
        parameters.emplace_back("wait_ms", poll_ms);
        Json answer = ask(client, "/v1/alerts/tail", parameters, options.filters);
        after = plain_text(member(answer, "next"));
        printer.prepare(answer);
        for (const Json& row : rows_of(answer)) {
            print_tail_row(printer, row);
            if (++printed == options.rows_max) return status_done;
        }
    }
    return status_done;
}

}  // namespace

void add_alert_commands(CLI::App& application, Context& context) {
    CLI::App* group = application.add_subcommand("alert", "what rules and watch lists have found");
    group->require_subcommand(1);
    auto options = std::make_shared<AlertOptions>();
    CLI::App* shown = group->add_subcommand("show", "alerts, each with its climbing count");
    add_filter_options(*shown, options->filters, context);
    shown->callback(
        [&context, options] { context.action = [&context, options] { return show(context, *options); }; });
    shown->add_flag("--unacknowledged", options->unacknowledged,
                    "only those with hits that nobody acknowledged");
    CLI::App* acknowledged =
        group->add_subcommand("ack", "acknowledge the alerts that match, with the hits they have now");
    add_filter_options(*acknowledged, options->filters, context);
    acknowledged->callback([&context, options] {
        context.action = [&context, options] { return acknowledge(context, *options); };
    });
    CLI::App* tailed = group->add_subcommand("tail", "alerts as they come and climb, until interrupted");
    add_filter_options(*tailed, options->filters, context);
    tailed->add_option("-n,--count", options->rows_max, "stop after so many lines")->type_name("N");
    tailed->callback(
        [&context, options] { context.action = [&context, options] { return tail(context, *options); }; });
}

}  // namespace picket::cli
