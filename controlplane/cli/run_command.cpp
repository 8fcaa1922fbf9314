#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "controlplane/cli/commands.h"
#include "controlplane/cli/replay_session.h"
#include "controlplane/cli/run_session.h"
#include "controlplane/config/load.h"

namespace picket::cli {
namespace {

int run(const Context& context, const std::string& file) {
    auto loaded = config::load_config(file);
    config::check_files(loaded.config, loaded.findings);
    for (const config::Finding& finding : loaded.findings.all()) {
        if (finding.severity == config::Severity::error || !context.quiet)
            std::cerr << text_of(finding) << '\n';
    }
    if (loaded.findings.errors() > 0)
        throw ChildFailed("the configuration has errors, nothing was started", status_usage);
    return run_planes({loaded.config, context.socket, context.quiet});
}

}  // namespace

void add_run_command(CLI::App& application, Context& context) {
    auto file = std::make_shared<std::string>(config::default_file);
    CLI::App* command = application.add_subcommand("run", "both planes in the foreground, until Ctrl-C");
    command->add_option("-c,--config", *file, "configuration")->type_name("FILE")->capture_default_str();
    command->callback(
        [&context, file] { context.action = [&context, file] { return run(context, *file); }; });
}

}  // namespace picket::cli
