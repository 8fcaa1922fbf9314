#include <CLI/CLI.hpp>
#include <iostream>

#include "controlplane/cli/commands.h"
#include "controlplane/cli/control_client.h"

namespace picket::cli {
namespace {

int show(const Context& context) {
    const Printer printer(context);
    ControlClient client(context.socket);
    Json answer = client.get("/v1/events");
    printer.prepare(answer);
    if (printer.print_plain(answer, {"time", "kind", "text"})) return status_done;
    Table table({{"TIME", Give::cut, 1, 8}, {"KIND"}, {"TEXT", Give::end, 2, 30}});
    const Json& rows = rows_of(answer);
    const std::string day = printer.wide() ? "" : printer.shared_day(rows, {"time"});
    for (const Json& row : rows) {
        table.add({printer.moment(member(row, "time"), day), text_at(row, "kind"), text_at(row, "text")});
    }
    if (!day.empty() && !printer.quiet()) std::cout << "on " << day << '\n';
    printer.print(table);
    if (rows.empty()) std::cout << "no events\n";
    print_coverage(printer, answer, "status");
    return status_done;
}

}  // namespace

void add_event_commands(CLI::App& application, Context& context) {
    CLI::App* group =
        application.add_subcommand("event", "link, reload, loss, restart: what happened to the sensor");
    group->require_subcommand(1);
    group->add_subcommand("show", "the sensor's own history")->callback([&context] {
        context.action = [&context] { return show(context); };
    });
}

}  // namespace picket::cli
