#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

#include "controlplane/cli/commands.h"
#include "controlplane/cli/control_client.h"
#include "controlplane/cli/number_text.h"
#include "controlplane/cli/rule_cost.h"
#include "controlplane/cli/rule_filter.h"
#include "controlplane/cli/rule_test.h"
#include "controlplane/rules/pattern_probe.h"
#include "controlplane/rules/rule_compiler.h"
#include "controlplane/rules/rule_files.h"
#include "dataplane/api/setup_error.h"

namespace picket::cli {
namespace {

struct RuleOptions {
    std::vector<std::string> files;
    std::string dialect = "suricata";
    std::vector<std::string> variables;  // NAME=VALUE
    std::string sid;
    std::string file;
    bool cost = false;
    bool filter = false;
    std::string interval;
    std::optional<std::size_t> limit;
};

Json reject_row(const rules::Reject& reject) {
    return {{"file", reject.file},
            {"line", reject.line},
            {"sid", reject.sid ? Json(*reject.sid) : Json()},
            {"option", reject.option},
            {"reason", reject.reason}};
}

rules::RuleSettings settings_of(const RuleOptions& options) {
    rules::RuleSettings settings;
    settings.dialect = options.dialect == "snort3"   ? api::Dialect::snort3
                       : options.dialect == "snort2" ? api::Dialect::snort2
                                                     : api::Dialect::suricata;
    for (const std::string& text : options.variables) {
        const std::size_t equals = text.find('=');
        if (equals == 0 || equals == std::string::npos) {
            throw SetupError("--var " + text, "is not NAME=VALUE", "write --var HOME_NET=10.0.0.0/8",
                             status_usage);
        }
        settings.variables[text.substr(0, equals)] = text.substr(equals + 1);
    }
    return settings;
}

void print_rejects(const Json& rejects) {
    for (const Json& reject : rejects) {
        std::cout << text_at(reject, "file") << ":" << count_at(reject, "line") << ": ";
        const std::string sid = plain_text(member(reject, "sid"));
        if (!sid.empty() && sid != "0") std::cout << "sid " << sid << ": ";
        const std::string option = text_at(reject, "option");
        std::cout << (option.empty() ? "" : option + ": ") << text_at(reject, "reason") << '\n';
    }
}

Json note_row(const rules::CostNote& note) {
    return {{"file", note.file},
            {"line", note.line},
            {"sid", note.sid},
            {"option", note.option},
            {"reason", note.reason}};
}

// Of all rules: what the filter would not take, and patterns that are slow to match.
Json cost_notes(const std::vector<rules::Rule>& parsed, const rules::CompiledRules& compiled) {
    Json notes = Json::array();
    for (const auto& note : compiled.cost_notes) notes.push_back(note_row(note));
    for (const auto& note : rules::probe_patterns(parsed)) notes.push_back(note_row(note));
    return notes;
}

void print_cost_notes(const Json& notes) {
    for (const Json& note : notes) {
        std::cout << text_at(note, "file") << ":" << count_at(note, "line") << ": note: sid "
                  << count_at(note, "sid") << ": " << text_at(note, "option") << " "
                  << text_at(note, "reason") << '\n';
    }
}

// Parses and compiles: what passes here loads in picketd.
int check(const Context& context, const RuleOptions& options) {
    const Printer printer(context);
    for (const std::string& file : options.files) {
        std::error_code failure;
        if (!std::filesystem::exists(file, failure)) {
            throw SetupError(file, "does not exist", "check the name of the rule file", status_usage);
        }
    }
    const rules::RuleSettings settings = settings_of(options);
    const rules::ParsedRules parsed = rules::load_rule_files(options.files, settings);
    const rules::CompiledRules compiled = rules::compile_rules(parsed.rules, settings);
    Json answer;
    answer["loaded"] = compiled.rules.size();
    answer["rejected"] = parsed.rejects.size();
    answer["duplicates"] = parsed.duplicates.size();
    answer["always_judged"] = compiled.always_judged;
    answer["mute"] = compiled.mute;
    answer["rejects"] = Json::array();
    for (const auto& reject : parsed.rejects) answer["rejects"].push_back(reject_row(reject));
    answer["costly"] = cost_notes(parsed.rules, compiled);
    const int status = answer["rejects"].empty() ? status_done : status_no;
    if (printer.format() == "csv") answer["rows"] = answer["rejects"];
    if (printer.print_plain(answer, {"file", "line", "sid", "option", "reason"})) return status;
    print_rejects(answer["rejects"]);
    if (context.quiet) return status;
    for (const rules::Duplicate& duplicate : parsed.duplicates) {
        std::cout << duplicate.dropped_file << ":" << duplicate.dropped_line << ": note: sid "
                  << duplicate.sid << " is also at " << duplicate.kept_file << ":" << duplicate.kept_line
                  << ", which is kept\n";
    }
    print_cost_notes(answer["costly"]);
    std::cout << grouped(compiled.rules.size()) << " rules loaded, " << grouped(count_at(answer, "rejected"))
              << " rejected\n";
    if (compiled.mute > 0) {
        std::cout << grouped(compiled.mute)
                  << " of them only set flowbits that no loaded rule tests, and are not judged\n";
    }
    print_coverage(printer, Json::object(), "rule test " + options.files.front() + " CAPTURE");
    return status;
}

// The answer of picketd to load and reload.
int print_loaded(const Context& context, const Printer& printer, Json answer) {
    printer.prepare(answer);
    const bool rejected = count_at(answer, "rejected") > 0;
    if (printer.format() == "csv") answer["rows"] = member(answer, "rejects");
    if (printer.print_plain(answer, {"file", "line", "sid", "option", "reason"})) {
        return rejected ? status_no : status_done;
    }
    if (member(answer, "rejects").is_array()) print_rejects(member(answer, "rejects"));
    if (!context.quiet) {
        std::cout << grouped(count_at(answer, "loaded")) << " rules loaded, "
                  << grouped(count_at(answer, "rejected")) << " rejected, generation "
                  << count_at(answer, "generation") << " in use by every worker\n";
        print_coverage(printer, Json::object(), "rule show");
    }
    return rejected ? status_no : status_done;
}

int load(const Context& context, const RuleOptions& options) {
    const Printer printer(context);
    std::error_code failure;
    const auto path = std::filesystem::canonical(options.file, failure);
    if (failure)
        throw SetupError(options.file, "does not exist", "check the name of the rule file", status_usage);
    ControlClient client(context.socket);
    return print_loaded(context, printer, client.post("/v1/rules/load", {{"path", path.string()}}));
}

int reload(const Context& context, const RuleOptions&) {
    const Printer printer(context);
    ControlClient client(context.socket);
    return print_loaded(context, printer, client.post("/v1/rules/reload"));
}

void print_rule(const Printer& printer, const Json& row) {
    for (const auto& [key, value] : row.items()) {
        std::cout << "  " << key << std::string(key.size() < 12 ? 12 - key.size() : 1, ' ')
                  << plain_text(value) << '\n';
    }
    print_coverage(printer, Json::object(), "flow show --rule " + plain_text(member(row, "sid")));
}

int show(const Context& context, const RuleOptions& options) {
    constexpr std::size_t rows_default = 20;
    if (options.cost) return show_rule_costs(context, options.interval, options.limit.value_or(rows_default));
    if (options.filter) return show_rule_filter(context, options.limit.value_or(rows_default));
    if (options.limit) {
        throw SetupError("--limit", "goes with --cost or --filter", "leave it, or name one of them",
                         status_usage);
    }
    const Printer printer(context);
    ControlClient client(context.socket);
    Json answer = client.get("/v1/rules");
    printer.prepare(answer);
    if (!options.sid.empty()) {
        Json chosen = Json::array();
        for (const Json& row : rows_of(answer)) {
            if (plain_text(member(row, "sid")) == options.sid) chosen.push_back(row);
        }
        if (chosen.empty()) {
            throw SetupError("rule " + options.sid, "is not loaded", "see: picket rule show", status_no);
        }
        answer["rows"] = chosen;
    }
    if (printer.print_plain(answer, {"index", "gid", "sid", "rev", "msg", "severity", "classtype",
                                     "references", "file", "line", "hits", "state"})) {
        return status_done;
    }
    if (!options.sid.empty()) {
        for (const Json& row : rows_of(answer)) print_rule(printer, row);
        return status_done;
    }
    Table table({{"SID"},
                 {"REV", Give::drop, 3},
                 {"SEV"},
                 {"HITS"},
                 {"MESSAGE", Give::end, 1, 30},
                 {"WHERE", Give::middle, 4, 16}});
    for (const Json& row : rows_of(answer)) {
        const std::string file = text_at(row, "file");
        table.add({plain_text(member(row, "sid")), plain_text(member(row, "rev")),
                   plain_text(member(row, "severity")), grouped(count_at(row, "hits")), text_at(row, "msg"),
                   (printer.wide() ? file : file.substr(file.rfind('/') + 1)) + ":" +
                       plain_text(member(row, "line"))});
    }
    printer.print(table);
    if (member(answer, "rejects").is_array()) print_rejects(member(answer, "rejects"));
    if (rows_of(answer).empty()) std::cout << "no rules\n";
    print_coverage(printer, answer, "alert show");
    return status_done;
}

}  // namespace

void add_rule_commands(CLI::App& application, Context& context) {
    CLI::App* group = application.add_subcommand("rule", "Snort and Suricata rules");
    group->require_subcommand(1);
    auto options = std::make_shared<RuleOptions>();
    const auto add = [&](const char* name, const char* help, auto&& act) {
        CLI::App* command = group->add_subcommand(name, help);
        command->callback([&context, options, act] {
            context.action = [&context, options, act] { return act(context, *options); };
        });
        return command;
    };
    CLI::App* checked = add("check", "which rules load, which do not, and why", check);
    checked->add_option("FILE", options->files, "rule files")->required();
    checked->add_option("--dialect", options->dialect, "suricata, snort3 or snort2")
        ->check(CLI::IsMember({"suricata", "snort3", "snort2"}));
    checked->add_option("--var", options->variables, "rule variable, NAME=VALUE (repeatable)")
        ->allow_extra_args(false);
    CLI::App* loaded = add("load", "add a rule file to the running set", load);
    loaded->add_option("FILE", options->file, "rule file")->required();
    add("reload", "read the rule files again, without losing a packet", reload);
    CLI::App* shown = add("show", "the loaded rules and their hits; one rule in full", show);
    CLI::Option* one = shown->add_option("SID", options->sid, "one rule");
    CLI::Option* cost =
        shown->add_flag("--cost", options->cost, "by what they take of the workers, dearest first")
            ->excludes(one);
    shown->add_option("--interval", options->interval, "with --cost: measure for so long")
        ->needs(cost)
        ->type_name("DURATION");
    shown->add_flag("--filter", options->filter, "what the filter looks for, by how much traffic has it")
        ->excludes(one)
        ->excludes(cost);
    shown->add_option("--limit", options->limit, "with --cost or --filter: rows of the table")
        ->type_name("N");
    add_rule_test_command(*group, context);
}

}  // namespace picket::cli
