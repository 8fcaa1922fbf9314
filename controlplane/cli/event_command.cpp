#include <CLI/CLI.hpp>
#include <iostream>
#include <utility>

#include "controlplane/cli/commands.h"
#include "controlplane/cli/control_client.h"

namespace picket::cli {
namespace {

constexpr std::size_t text_width = 60;  // beside a time and a kind in 80 columns

// text in lines of at most `width` characters, broken at spaces where there are some.
std::vector<std::string> wrapped(const std::string& text, std::size_t width) {
    std::vector<std::string> lines;
    std::size_t begin = 0;
    while (text.size() - begin > width) {
        std::size_t end = text.rfind(' ', begin + width);
        if (end == std::string::npos || end <= begin) break;  // one long word: the table cuts it
        lines.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    lines.push_back(text.substr(begin));
    return lines;
}

int show(const Context& context) {
    const Printer printer(context);
    ControlClient client(context.socket);
    Json answer = client.get("/v1/events");
    printer.prepare(answer);
    if (printer.print_plain(answer, {"time", "kind", "text"})) return status_done;
    const Json& rows = rows_of(answer);
    const std::string day = printer.wide() ? "" : printer.shared_day(rows, {"time"});
    Table table({time_column("TIME", 1, day), {"KIND"}, {"TEXT", Give::end, 2, 30}});
    for (const Json& row : rows) {
        std::string time = printer.moment(member(row, "time"), day);
        std::string kind = text_at(row, "kind");
        const std::string text = text_at(row, "text");
        for (std::string& line : wrapped(text, printer.wide() ? text.size() : text_width)) {
            table.add({std::exchange(time, ""), std::exchange(kind, ""), std::move(line)});
        }
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
