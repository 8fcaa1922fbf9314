#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "controlplane/cli/commands.h"
#include "controlplane/cli/input_files.h"
#include "controlplane/cli/replay_options.h"
#include "controlplane/cli/replay_report.h"
#include "controlplane/config/load.h"
#include "dataplane/api/abi.h"
#include "dataplane/api/setup_error.h"

namespace picket::cli {
namespace {

int replay(const Context& context, ReplayOptions& options) {
    const Printer printer(context);
    ReplayRequest& request = options.request;
    if (request.eve == "-" && printer.format() == "json") {
        throw SetupError("--eve -", "does not go together with -j: both would print on stdout",
                         "write the events to a file, or leave -j", status_usage);
    }
    check_replay_options(context, options);
    Json report = run_replay(request);
    printer.prepare(report);
    std::ostream& out = request.eve == "-" ? std::cerr : std::cout;
    if (printer.format() == "json") {
        out << contract_report(report).dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
    } else if (!context.quiet) {
        print_report(out, printer, report);
    }
    out.flush();
    if (!context.quiet) print_rejected_rules(std::cerr, report);
    return print_damage(std::cerr, report) ? status_damaged : status_done;
}

}  // namespace

void add_replay_options(CLI::App& command, ReplayOptions& options) {
    ReplayRequest& request = options.request;
    command.add_option("--watch", options.watch, "watch list, NAME=FILE (repeatable)")
        ->allow_extra_args(false)
        ->type_name("NAME=FILE");
    command.add_option("--workers", request.workers, "workers that share the packets")
        ->check(CLI::Range(1u, static_cast<unsigned>(api::workers_max)))
        ->type_name("N");
    command
        .add_option("--rss", request.rss_model, "how the imagined NIC spreads: symmetric, two-tuple, none")
        ->check(CLI::IsMember({"symmetric", "two-tuple", "none"}))
        ->type_name("MODEL");
    command.add_option("--dialect", request.dialect, "URI normalisation: suricata, snort3, snort2")
        ->check(CLI::IsMember({"suricata", "snort3", "snort2"}))
        ->type_name("DIALECT");
    command
        .add_option("--config", request.config_file, "configuration (ports and sockets in it are not used)")
        ->type_name("FILE");
}

void check_replay_options(const Context& context, ReplayOptions& options) {
    ReplayRequest& request = options.request;
    check_input_files(request.captures);
    for (const std::string& file : request.rules) check_readable("--rules", file);
    request.watch = watch_files(options.watch);
    request.quiet = context.quiet;
    request.progress = !context.quiet && isatty(STDERR_FILENO) != 0 && request.eve != "-";
    if (request.config_file.empty()) return;
    auto loaded = config::load_config(request.config_file, {.ports_required = false});
    if (loaded.findings.errors() == 0) loaded.config.ports.clear();
    config::check_files(loaded.config, loaded.findings);
    for (const config::Finding& finding : loaded.findings.all()) {
        if (finding.severity == config::Severity::error || !context.quiet)
            std::cerr << text_of(finding) << '\n';
    }
    if (loaded.findings.errors() > 0) throw ChildFailed("the configuration has errors", status_usage);
}

void add_replay_command(CLI::App& application, Context& context) {
    auto options = std::make_shared<ReplayOptions>();
    CLI::App* command =
        application.add_subcommand("replay", "analyse capture files: no daemon, root, hugepages or NIC");
    command->add_option("CAPTURE", options->request.captures, "pcap or pcapng files, plain or gzip")
        ->required();
    command
        ->add_option("--rules", options->request.rules, "rule file (repeatable; default: the shipped rules)")
        ->allow_extra_args(false)
        ->type_name("FILE");
    command->add_option("--eve", options->request.eve, "events as NDJSON; '-' is stdout")
        ->type_name("FILE|-");
    command
        ->add_option("--archive", options->request.archive,
                     "keep everything in this directory, for picket --archive DIR")
        ->type_name("DIR");
    add_replay_options(*command, *options);
    command->callback(
        [&context, options] { context.action = [&context, options] { return replay(context, *options); }; });
}

}  // namespace picket::cli
