#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "controlplane/cli/commands.h"
#include "controlplane/cli/flow_filters.h"
#include "controlplane/cli/flow_lines.h"
#include "controlplane/cli/number_text.h"
#include "dataplane/api/setup_error.h"

namespace picket::cli {
namespace {

constexpr std::size_t sources_shown = 10;

const std::vector<std::string> spoof_fields{
    "confidence", "source_count", "networks", "destination", "proto", "flows",   "packets", "bytes",
    "first",      "last",         "ttl",      "ip_id",       "tos",   "reasons", "sources"};

std::string span_of(const Printer& printer, const Json& row) {
    return printer.moment(member(row, "first")) + " → " + printer.moment(member(row, "last"));
}

std::string sources_of(const Printer& printer, const Json& row) {
    const Json& sources = member(row, "sources");
    const std::size_t all = count_at(row, "source_count");
    const std::size_t shown = printer.wide() ? sources.size() : std::min(sources.size(), sources_shown);
    std::string text;
    for (std::size_t i = 0; i < shown; ++i) text += (i == 0 ? "" : " ") + sources[i].get<std::string>();
    if (all > shown) text += " … " + grouped(all - shown) + " more";
    return text;
}

// A text in lines of the terminal's width, each indented.
void print_wrapped(const std::string& text, std::size_t width) {
    std::string line;
    std::size_t begin = 0;
    while (begin < text.size()) {
        const std::size_t end = std::min(text.find(' ', begin), text.size());
        const std::string word = text.substr(begin, end - begin);
        if (!line.empty() && width != 0 && display_width(line) + display_width(word) + 3 > width) {
            std::cout << "  " << line << '\n';
            line.clear();
        }
        line += (line.empty() ? "" : " ") + word;
        begin = end + 1;
    }
    if (!line.empty()) std::cout << "  " << line << '\n';
}

void print_group(const Printer& printer, const Json& row) {
    const std::string confidence = text_at(row, "confidence");
    std::cout << (confidence == "unknown" ? "unknown" : "single origin, " + confidence + " confidence")
              << '\n';
    std::cout << "  " << grouped(count_at(row, "source_count")) << " sources in "
              << grouped(count_at(row, "networks")) << " networks → " << text_at(row, "destination") << ' '
              << text_at(row, "proto") << "   " << grouped(count_at(row, "flows")) << " flows\n";
    std::cout << "  " << span_of(printer, row) << '\n';
    for (const Json& reason : member(row, "reasons"))
        print_wrapped("- " + reason.get<std::string>(), printer.width());
    print_wrapped(sources_of(printer, row), printer.width());
}

int show(const Context& context, const FlowFilters& filters) {
    const Printer printer(context);
    if (printer.format() == "netflow" || printer.format() == "eve") {
        throw SetupError("--format " + printer.format(), "prints flows, not evidence",
                         "use table, json or csv", status_usage);
    }
    ControlClient client(context.socket);
    Json answer = ask(client, "/v1/spoof", filter_parameters(filters, printer, client), filters);
    printer.prepare(answer);
    if (printer.print_plain(answer, spoof_fields)) return status_done;
    print_interval(printer, filters, answer);
    for (const Json& row : rows_of(answer)) print_group(printer, row);
    if (rows_of(answer).empty()) {
        const Json& sum = member(answer, "sum");
        std::cout << "no evidence of a single origin in " << grouped(count_at(sum, "flows")) << " flows of "
                  << grouped(count_at(sum, "sources")) << " sources\n";
    }
    print_coverage(printer, answer, "flow show" + retyped(filters, context) + " --unanswered --sum");
    return status_done;
}

}  // namespace

void add_spoof_commands(CLI::App& application, Context& context) {
    CLI::App* group = application.add_subcommand("spoof", "evidence that several sources are one sender");
    group->require_subcommand(1);
    auto filters = std::make_shared<FlowFilters>();
    CLI::App* command = group->add_subcommand("show", "groups of sources that agree where strangers differ");
    add_filter_options(*command, *filters, context);
    command->callback(
        [&context, filters] { context.action = [&context, filters] { return show(context, *filters); }; });
}

}  // namespace picket::cli
