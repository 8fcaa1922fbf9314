#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "controlplane/cli/commands.h"
#include "controlplane/config/load.h"

namespace picket::cli {
namespace {

Json finding_row(const config::Finding& finding) {
    return {{"file", finding.location.file},
            {"line", finding.location.line},
            {"column", finding.location.column},
            {"severity", finding.severity == config::Severity::error ? "error" : "warning"},
            {"what", finding.what},
            {"remedy", finding.remedy}};
}

int check(const Context& context, const std::string& file) {
    const Printer printer(context);
    auto loaded = config::load_config(file);
    config::check_files(loaded.config, loaded.findings);
    Json answer{{"rows", Json::array()},
                {"errors", loaded.findings.errors()},
                {"warnings", loaded.findings.warnings()}};
    for (const config::Finding& finding : loaded.findings.all())
        answer["rows"].push_back(finding_row(finding));
    const int status = loaded.findings.errors() == 0 ? status_done : status_usage;
    if (printer.print_plain(answer, {"file", "line", "column", "severity", "what", "remedy"})) return status;
    for (const config::Finding& finding : loaded.findings.all()) {
        if (finding.severity == config::Severity::error || !context.quiet)
            std::cout << text_of(finding) << '\n';
    }
    if (context.quiet) return status;
    const auto plural = [](std::size_t count, const char* word) {
        return std::to_string(count) + " " + word + (count == 1 ? "" : "s");
    };
    std::cout << file << ": " << plural(loaded.findings.errors(), "error") << ", "
              << plural(loaded.findings.warnings(), "warning") << '\n';
    if (status == status_done) print_coverage(printer, Json::object(), "run -c " + file);
    return status;
}

}  // namespace

void add_config_commands(CLI::App& application, Context& context) {
    CLI::App* group = application.add_subcommand("config", "the configuration file");
    group->require_subcommand(1);
    auto file = std::make_shared<std::string>(config::default_file);
    CLI::App* command = group->add_subcommand("check", "judge all of it, start nothing");
    command->add_option("-c,--config", *file, "configuration")->type_name("FILE")->capture_default_str();
    command->callback(
        [&context, file] { context.action = [&context, file] { return check(context, *file); }; });
}

}  // namespace picket::cli
