#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <map>
#include <memory>
#include <thread>

#include "controlplane/cli/commands.h"
#include "controlplane/cli/control_client.h"
#include "controlplane/cli/number_text.h"
#include "controlplane/config/quantities.h"
#include "dataplane/api/setup_error.h"

namespace picket::cli {
namespace {

std::string labels_text(const Json& row) {
    std::string text;
    for (const auto& [name, value] : member(row, "labels").items()) {
        text += (text.empty() ? "" : ",") + name + "=" + plain_text(value);
    }
    return text;
}

std::string value_text(const Json& value) {
    if (value.is_number_integer()) return grouped(value.get<std::uint64_t>());
    return plain_text(value);
}

// Adds per_s to every row, from two answers that lie `seconds` apart.
void add_rates(const Json& before, Json& after, double seconds) {
    std::map<std::string, double> values;
    for (const Json& row : rows_of(before))
        values[text_at(row, "name") + labels_text(row)] = number_at(row, "value");
    for (Json& row : after["rows"]) {
        const auto found = values.find(text_at(row, "name") + labels_text(row));
        const double old = found == values.end() ? 0.0 : found->second;
        row["per_s"] = (number_at(row, "value") - old) / seconds;
    }
}

int show(const Context& context, const std::string& interval) {
    const Printer printer(context);
    ControlClient client(context.socket);
    Json answer = client.get("/v1/counters");
    if (!interval.empty()) {
        const auto wait_ms = config::parse_duration_ms(interval);
        if (!wait_ms || *wait_ms == 0) {
            throw SetupError("--interval " + interval, "is not a duration", "write 1s, 500ms or 1m",
                             status_usage);
        }
        const auto begin = std::chrono::steady_clock::now();
        std::this_thread::sleep_for(std::chrono::milliseconds(*wait_ms));
        Json later = client.get("/v1/counters");
        add_rates(answer, later,
                  std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
        answer = std::move(later);
    }
    printer.prepare(answer);
    std::vector<std::string> fields{"name", "labels", "value"};
    if (!interval.empty()) fields.emplace_back("per_s");
    if (printer.print_plain(answer, fields)) return status_done;
    std::vector<Column> columns{{"NAME", Give::middle, 2, 20}, {"LABELS", Give::middle, 1, 16}, {"VALUE"}};
    if (!interval.empty()) columns.push_back({"PER_S"});
    Table table(columns);
    for (const Json& row : rows_of(answer)) {
        std::vector<std::string> cells{text_at(row, "name"), labels_text(row),
                                       value_text(member(row, "value"))};
        if (!interval.empty()) cells.push_back(fixed(number_at(row, "per_s"), 1));
        table.add(std::move(cells));
    }
    printer.print(table);
    print_coverage(printer, answer, interval.empty() ? "counter show --interval 1s" : "");
    return status_done;
}

}  // namespace

void add_counter_commands(CLI::App& application, Context& context) {
    CLI::App* group = application.add_subcommand("counter", "every counter, named as its metric");
    group->require_subcommand(1);
    auto interval = std::make_shared<std::string>();
    CLI::App* command = group->add_subcommand("show", "values, or how fast they grow");
    command->add_option("--interval", *interval, "measure for so long and show rates")->type_name("DURATION");
    command->callback(
        [&context, interval] { context.action = [&context, interval] { return show(context, *interval); }; });
}

}  // namespace picket::cli
