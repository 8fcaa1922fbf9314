#include "controlplane/cli/application.h"

#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <iostream>
#include <optional>
#include <stdexcept>

#include "controlplane/cli/archive_session.h"
#include "controlplane/cli/commands.h"
#include "controlplane/cli/replay_session.h"
#include "controlplane/config/shown_text.h"
#include "dataplane/api/setup_error.h"
#include "version.h"

namespace picket::cli {
namespace {

constexpr const char* common_footer =
    "Common options: -j --csv -s PATH --archive DIR -q --color WHEN --tz ZONE --wide -V -h\n"
    "Exit status: 0 done, 1 the answer is no, 2 usage or configuration, 3 cannot reach or start,\n"
    "4 data damaged or incomplete (what could be read was reported)\n";

void add_common_options(CLI::App& application, Context& context) {
    application.add_flag("-j,--json", context.json, "one JSON document");
    application.add_flag("--csv", context.csv, "CSV with a head row");
    application.add_option("-s,--socket", context.socket, "control socket of picketd")->capture_default_str();
    application.add_option("--archive", context.archive, "ask this directory's archive, without a picketd")
        ->type_name("DIR");
    application.add_flag("-q,--quiet", context.quiet, "no warnings, notes and suggestions");
    application.add_option("--color", context.color, "auto, always or never")
        ->check(CLI::IsMember({"auto", "always", "never"}));
    application.add_option("--tz", context.zone, "time zone: UTC, local, or a name as America/New_York");
    application.add_flag("--wide", context.wide, "tables unabbreviated");
    context.labels = label_files_of_the_machine();
    application
        .add_option("--labels", context.labels.names,
                    "names of addresses: NETWORK,NAME[,FROM[,UNTIL]] a line")
        ->type_name("FILE");
    application.add_option("--asn", context.labels.systems, "MaxMind DB of autonomous systems")
        ->type_name("FILE");
    application.add_option("--country", context.labels.countries, "MaxMind DB of countries")
        ->type_name("FILE");
    application.set_version_flag("-V,--version", std::string("picket ") + PICKET_VERSION);
}

// The deepest subcommand that was chosen, by its full name.
std::string chosen_name(const CLI::App& application) {
    std::string name = "picket";
    const CLI::App* at = &application;
    while (!at->get_subcommands().empty()) {
        at = at->get_subcommands().front();
        name += " " + at->get_name();
    }
    return name;
}

int refuse_usage(const CLI::App& application, const CLI::ParseError& error) {
    const std::string name = chosen_name(application);
    std::string what = error.what();
    const auto unknown = application.remaining(true);
    if (what == "A subcommand is required") {
        what = unknown.empty() ? "say what to do" : "there is no '" + unknown.front() + "' here";
    }
    std::cerr << name << ": " << what << "; see " << name << " --help\n";
    return status_usage;
}

std::string typed_command(const Context& context) {
    if (!context.archive.empty()) return "picket --archive " + context.archive;
    return context.socket == socket_default ? "picket" : "picket -s " + context.socket;
}

// Commands that ask a picketd can ask one of a closed archive.
bool asks_picketd(const CLI::App& application) {
    static constexpr std::array<const char*, 6> others{"replay", "run", "config", "bench", "rule", "import"};
    const std::string name = application.get_subcommands().front()->get_name();
    return std::none_of(others.begin(), others.end(), [&](const char* other) { return name == other; });
}

// `picket flow show | head` ends quietly when head does.
bool reader_left() {
    pollfd out{STDOUT_FILENO, 0, 0};
    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

int parse_and_act(CLI::App& application, Context& context, int argument_count, char** arguments) {
    try {
        application.parse(argument_count, arguments);
    } catch (const CLI::Success& answer) {
        return application.exit(answer) == 0 ? status_done : status_usage;
    } catch (const CLI::ParseError& error) {
        return refuse_usage(application, error);
    }
    if (context.json && context.csv) {
        std::cerr << "picket: -j and --csv exclude each other; choose one\n";
        return status_usage;
    }
    if (context.socket.empty()) {
        std::cerr << "picket: -s needs the path of a socket, and an empty one was given; leave -s for "
                  << socket_default << "\n";
        return status_usage;
    }
    context.command = typed_command(context);
    std::optional<ArchiveSession> archive;
    if (!context.archive.empty()) {
        if (!asks_picketd(application)) {
            std::cerr << "picket: " << chosen_name(application)
                      << " does not ask an archive; leave --archive\n";
            return status_usage;
        }
        archive.emplace(context.archive);
        context.socket = archive->socket();
    }
    const int status = context.action ? context.action() : status_usage;
    std::cout.flush();
    if (!std::cout && !reader_left()) {
        std::cerr << "picket: standard output cannot be written; is the disk full?\n";
        return status_reach;
    }
    return status;
}

}  // namespace

int run_application(int argument_count, char** arguments) {
    Context context;
    CLI::App application("Picket: exact flows, probes and who answered, from a tap or a capture", "picket");
    application.require_subcommand(1);
    application.fallthrough();
    application.footer(common_footer);
    add_common_options(application, context);
    add_replay_command(application, context);
    add_run_command(application, context);
    add_import_command(application, context);
    add_archive_commands(application, context);
    add_query_command(application, context);
    add_status_command(application, context);
    add_port_commands(application, context);
    add_flow_commands(application, context);
    add_alert_commands(application, context);
    add_probe_commands(application, context);
    add_scan_commands(application, context);
    add_spoof_commands(application, context);
    add_event_commands(application, context);
    add_capture_command(application, context);
    add_export_commands(application, context);
    add_watch_commands(application, context);
    add_rule_commands(application, context);
    add_config_commands(application, context);
    add_counter_commands(application, context);
    add_bench_command(application, context);
    try {
        return parse_and_act(application, context, argument_count, arguments);
    } catch (const ChildFailed& failure) {
        std::cerr << "picket: " << failure.what() << '\n';
        return failure.exit_status();
    } catch (const SetupError& error) {
        std::cerr << "picket: " << config::shown_sentences(error.what()) << '\n';
        return error.exit_status();
    } catch (const std::exception& error) {
        std::cerr << "picket: " << error.what() << "; this is a mistake in Picket, please report it\n";
        return status_reach;
    }
}

}  // namespace picket::cli
