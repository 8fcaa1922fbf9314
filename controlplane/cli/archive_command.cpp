#include <CLI/CLI.hpp>
#include <iostream>

#include "controlplane/cli/commands.h"
#include "controlplane/cli/control_client.h"
#include "controlplane/cli/number_text.h"

namespace picket::cli {
namespace {

const std::vector<std::string> table_fields{"table", "files", "rows", "bytes", "first", "last"};

void print_tables(const Printer& printer, const Json& answer) {
    const std::string day = printer.shared_day(rows_of(answer), {"first", "last"});
    Table table({{"TABLE"},
                 {"FILES"},
                 {"ROWS"},
                 {"BYTES"},
                 time_column("FIRST", 1, day),
                 time_column("LAST", 1, day)});
    for (const Json& row : rows_of(answer)) {
        table.add({text_at(row, "table"), grouped(count_at(row, "files")), grouped(count_at(row, "rows")),
                   grouped(count_at(row, "bytes")), printer.moment(member(row, "first"), day),
                   printer.moment(member(row, "last"), day)});
    }
    printer.print(table);
}

int show(const Context& context) {
    const Printer printer(context);
    ControlClient client(context.socket);
    Json answer = client.get("/v1/archive");
    printer.prepare(answer);
    if (printer.print_plain(answer, table_fields)) return status_done;
    std::cout << archive_line(answer) << '\n';
    print_tables(printer, answer);
    if (const std::string trouble = text_at(answer, "trouble"); !trouble.empty())
        std::cout << "NOT WRITTEN: " << trouble << '\n';
    const Json& gap = member(answer, "gap");
    if (gap.is_object()) {
        std::cout << "gap: what a killed picketd had not written yet is missing between "
                  << text_at(gap, "since") << " and " << text_at(gap, "until") << '\n';
    }
    print_coverage(printer, answer, "flow show --sum");
    return status_done;
}

}  // namespace

std::string archive_line(const Json& archive) {
    std::string text = byte_text(number_at(archive, "bytes"));
    if (member(archive, "bytes_max").is_number()) text += " of " + byte_text(number_at(archive, "bytes_max"));
    if (const std::string since = text_at(archive, "since"); !since.empty())
        text += "   since " + since.substr(0, since.find('.')) + "Z";
    if (member(archive, "retain_s").is_number())
        text += "   kept " + duration_text(number_at(archive, "retain_s"));
    if (count_at(archive, "waiting") > 0) text += "   waiting " + grouped(count_at(archive, "waiting"));
    if (count_at(archive, "unarchived") > 0) text += "   LOST " + grouped(count_at(archive, "unarchived"));
    return text;
}

void add_archive_commands(CLI::App& application, Context& context) {
    CLI::App* group = application.add_subcommand("archive", "what is kept on disk");
    group->require_subcommand(1);
    group->add_subcommand("show", "size, span, coverage, retention")->callback([&context] {
        context.action = [&context] { return show(context); };
    });
}

}  // namespace picket::cli
