#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>

#include "controlplane/cli/commands.h"
#include "controlplane/cli/control_client.h"
#include "controlplane/cli/flow_filters.h"
#include "controlplane/cli/number_text.h"
#include "controlplane/config/shown_text.h"
#include "dataplane/api/setup_error.h"

namespace picket::cli {
namespace {

struct WatchOptions {
    std::string name;
    std::string file;
    FlowFilters filters;  // of which since, until and limit are asked for
};

std::string path_of(const std::string& name) {
    return "/v1/watch/" + path_segment(name);
}

int list(const Context& context) {
    const Printer printer(context);
    ControlClient client(context.socket);
    Json answer = client.get("/v1/watch");
    printer.prepare(answer);
    if (printer.print_plain(answer, {"name", "entries", "seen", "generation"})) return status_done;
    Table table({{"NAME"}, {"ENTRIES"}, {"SEEN"}, {"GENERATION"}});
    for (const Json& row : rows_of(answer)) {
        table.add({text_at(row, "name"), grouped(count_at(row, "entries")), grouped(count_at(row, "seen")),
                   plain_text(member(row, "generation"))});
    }
    printer.print(table);
    const bool none = rows_of(answer).empty();
    if (none) std::cout << "no watch lists\n";
    print_coverage(printer, answer,
                   none ? "watch load NAME FILE" : "watch show " + text_at(rows_of(answer).front(), "name"));
    return status_done;
}

// Prints one list. What was seen comes first.
void print_list(const Printer& printer, const std::string& name, const Json& answer) {
    const Json& rows = rows_of(answer);
    const std::string day = printer.wide() ? "" : printer.shared_day(rows, {"first", "last"});
    Table table({{"ADDRESS", Give::middle, 3, 15},
                 {has_labels(rows, "ip") ? "NAME" : "", Give::end, 4, 12},
                 {"SEEN"},
                 {"FLOWS", Give::compact, 2},
                 {"PACKETS", Give::compact, 2},
                 {"BYTES", Give::compact, 2},
                 time_column("FIRST", 1, day),
                 time_column("LAST", 2, day)});
    for (const Json& row : rows) {
        const std::string address = text_at(row, "ip").empty() ? text_at(row, "network") : text_at(row, "ip");
        table.add({address, label_of(row, "ip"), flag_at(row, "seen") ? "yes" : "no",
                   grouped(count_at(row, "flows")), grouped(count_at(row, "packets")),
                   grouped(count_at(row, "bytes")), printer.moment(member(row, "first"), day),
                   printer.moment(member(row, "last"), day)});
    }
    const Json& sum = member(answer, "sum");
    const std::uint64_t retrospective = count_at(sum, "retrospective");
    if (!day.empty() && !printer.quiet()) std::cout << "on " << day << '\n';
    printer.print(table);
    std::cout << name << ": " << grouped(count_at(sum, "seen")) << " of " << grouped(count_at(sum, "entries"))
              << " seen\n";
    if (retrospective > 0) {
        std::cout << "retrospective: " << grouped(retrospective)
                  << " flows began before a list named them, without an alert\n";
    }
}

int show(const Context& context, const WatchOptions& options) {
    const Printer printer(context);
    ControlClient client(context.socket);
    std::vector<std::string> names{options.name};
    if (options.name.empty()) {
        names.clear();
        const Json lists = client.get("/v1/watch");
        for (const Json& row : rows_of(lists)) names.push_back(text_at(row, "name"));
        if (names.empty()) {
            throw SetupError("picket watch show", "no watch list is loaded",
                             "load one: picket watch load NAME FILE", status_usage);
        }
        if (names.size() > 1 && !printer.table()) {
            throw SetupError("picket watch show",
                             "there are " + std::to_string(names.size()) + " watch lists",
                             "name one of them: picket watch list", status_usage);
        }
    }
    for (const std::string& name : names) {
        Parameters parameters = filter_parameters(options.filters, printer, client);
        bound_table(parameters, options.filters, printer);
        Json answer = client.get(path_of(name), parameters);
        printer.prepare(answer);
        if (printer.print_plain(answer, {"ip", "network", "seen", "flows", "packets", "bytes", "first",
                                         "last", "retrospective"})) {
            continue;
        }
        print_interval(printer, options.filters, answer);
        print_list(printer, name, answer);
        print_coverage(printer, answer,
                       "flow show --src @" + name + retyped(options.filters, context) + " --sum");
    }
    return status_done;
}

int load(const Context& context, const WatchOptions& options) {
    const Printer printer(context);
    std::ifstream stream(options.file, std::ios::binary);
    std::ostringstream text;
    if (!stream || !(text << stream.rdbuf())) {
        throw SetupError(options.file, "cannot be read, or is empty",
                         "name a file with an address or network a line", status_usage);
    }
    ControlClient client(context.socket);
    Json answer = client.put(path_of(options.name), text.str());
    printer.prepare(answer);
    const Json& rejects = member(answer, "rejects");
    const bool rejected = rejects.is_array() && !rejects.empty();
    if (printer.format() == "json") {
        std::cout << answer.dump() << '\n';
    } else if (!context.quiet) {
        for (const Json& reject : rejects.is_array() ? rejects : Json::array()) {
            std::cout << options.file << ":" << plain_text(member(reject, "line")) << ": "
                      << config::shown_sentences(text_at(reject, "reason")) << '\n';
        }
        std::cout << options.name << ": " << grouped(count_at(answer, "entries"))
                  << " entries loaded, generation " << plain_text(member(answer, "generation")) << '\n';
        print_coverage(printer, Json::object(), "watch show " + options.name);
    }
    return rejected ? status_no : status_done;
}

int remove(const Context& context, const WatchOptions& options) {
    const Printer printer(context);
    ControlClient client(context.socket);
    const Json answer = client.remove(path_of(options.name));
    if (printer.format() == "json") {
        std::cout << answer.dump() << '\n';
    } else if (!context.quiet) {
        std::cout << options.name << ": removed\n";
    }
    return status_done;
}

}  // namespace

void add_watch_commands(CLI::App& application, Context& context) {
    CLI::App* group = application.add_subcommand("watch", "lists of addresses to look out for");
    group->require_subcommand(1);
    auto options = std::make_shared<WatchOptions>();
    const auto add = [&](const char* name, const char* help, auto&& act) {
        CLI::App* command = group->add_subcommand(name, help);
        command->callback([&context, options, act] {
            context.action = [&context, options, act] { return act(context, *options); };
        });
        return command;
    };
    add("list", "names, entries and how many were seen",
        [](const Context& c, const WatchOptions&) { return list(c); });
    CLI::App* shown = add("show", "who of a list was seen, how much, first and last", show);
    shown->add_option("NAME", options->name, "the list (default: every one)");
    shown->add_option("--since", options->filters.since, "from this time on: RFC 3339, 15:09:54 or -2h")
        ->type_name("TIME");
    shown->add_option("--until", options->filters.until, "before this time")->type_name("TIME");
    shown->add_option("--limit", options->filters.limit,
                      "rows, those that were seen first (default: 1000 in tables)");
    CLI::App* loaded = add("load", "load or replace a list", load);
    loaded->add_option("NAME", options->name, "its name")->required();
    loaded->add_option("FILE", options->file, "an address or network a line, # comments")->required();
    CLI::App* removed = add("remove", "forget a list", remove);
    removed->add_option("NAME", options->name, "its name")->required();
}

}  // namespace picket::cli
