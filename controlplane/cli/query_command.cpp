#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "controlplane/cli/commands.h"
#include "controlplane/cli/control_client.h"

namespace picket::cli {
namespace {

constexpr std::size_t rows_shown = 1000;

struct QueryOptions {
    std::string sql;
    std::optional<std::size_t> limit;
};

std::vector<std::string> columns_of(const Json& answer) {
    std::vector<std::string> columns;
    for (const Json& column : member(answer, "columns")) columns.push_back(plain_text(column));
    return columns;
}

int query(const Context& context, const QueryOptions& options) {
    const Printer printer(context);
    ControlClient client(context.socket);
    Parameters parameters;
    if (options.limit) {
        parameters.emplace_back("limit", std::to_string(*options.limit));
    } else if (printer.table()) {
        parameters.emplace_back("limit", std::to_string(rows_shown));
    }
    Json answer = client.post_text("/v1/query", parameters, options.sql);
    printer.prepare(answer);
    const auto columns = columns_of(answer);
    if (printer.print_plain(answer, columns)) return status_done;
    std::vector<Column> heads;
    for (const auto& column : columns) heads.push_back({column, Give::end, 1, 4});
    Table table(heads);
    for (const Json& row : rows_of(answer)) {
        std::vector<std::string> cells;
        for (const auto& column : columns) cells.push_back(plain_text(member(row, column.c_str())));
        table.add(cells);
    }
    printer.print(table);
    if (!printer.quiet()) std::cout << "closed files, as of " << plain_text(member(answer, "as_of")) << '\n';
    print_coverage(printer, answer, "");
    return status_done;
}

}  // namespace

void add_query_command(CLI::App& application, Context& context) {
    auto options = std::make_shared<QueryOptions>();
    CLI::App* command = application.add_subcommand(
        "query", "a SELECT over the archive: flows, parts, requests, responses, hits, losses");
    command->add_option("SQL", options->sql, "one SELECT; docs/archive.md describes the tables")->required();
    command->add_option("--limit", options->limit, "at most so many rows")
        ->check(CLI::PositiveNumber)
        ->type_name("N");
    command->callback(
        [&context, options] { context.action = [&context, options] { return query(context, *options); }; });
}

}  // namespace picket::cli
