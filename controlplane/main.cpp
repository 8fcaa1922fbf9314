// picketd: drains the data plane, keeps what can be asked, compiles rules, serves the control socket.
#include <signal.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <filesystem>

#include "controlplane/archive/fault.h"
#include "controlplane/config/load.h"
#include "controlplane/rules/pattern_cache.h"
#include "controlplane/sensor.h"
#include "controlplane/serve/control_server.h"
#include "dataplane/api/setup_error.h"
#include "version.h"

namespace {

using picket::SetupError;

constexpr std::size_t flows_kept_live = 500'000;
constexpr std::size_t requests_kept_live = 200'000;
constexpr std::size_t requests_kept_replay = 65'536;  // for the alerts of their responses

struct Options {
    std::string dataplane = "/run/picket/dataplane.sock";
    std::string control = "/run/picket/control.sock";
    std::string config_file;
    bool replay = false;
    bool owns_dataplane = false;
    std::vector<std::string> rules;
    std::vector<std::string> watch;
    std::string dialect;
    std::string eve;
    std::string rules_directory;
    std::string archive;
    std::string archive_only;
    bool quiet = false;
    std::optional<std::size_t> keep_flows;
};

void add_options(CLI::App& application, Options& options) {
    application.add_option("--dataplane", options.dataplane, "the data plane's socket");
    application.add_option("--control", options.control, "the socket to serve");
    application.add_option("--config", options.config_file, "picket.toml");
    application.add_flag("--replay", options.replay, "make a report of captures, keep no flows");
    application.add_flag("--owns-dataplane", options.owns_dataplane, "stop the data plane when leaving");
    application.add_option("--rules", options.rules, "rule file (repeatable; default: the shipped ones)")
        ->allow_extra_args(false);
    application.add_option("--watch", options.watch, "NAME=FILE, a watch list (repeatable)")
        ->allow_extra_args(false);
    application.add_option("--dialect", options.dialect, "suricata, snort3 or snort2")
        ->check(CLI::IsMember({"suricata", "snort3", "snort2"}));
    application.add_option("--eve", options.eve, "write EVE events to this file, or - for standard output");
    application.add_option("--rules-dir", options.rules_directory, "where the shipped rules are");
    application.add_option("--archive", options.archive, "keep an archive in this directory");
    application.add_option("--archive-only", options.archive_only,
                           "answer questions about this directory's archive, and do nothing else");
    application.add_flag("--quiet", options.quiet, "log warnings and errors only");
    application.add_option("--keep-flows", options.keep_flows, "parts of ended flows to keep in memory");
    application.set_version_flag("-V,--version", "picketd " PICKET_VERSION);
}

// The rules that came with this picketd: installed ones, else those of the source tree it was built from.
std::string shipped_rules(const Options& options) {
    if (!options.rules_directory.empty()) return options.rules_directory;
    std::error_code absent;
    return std::filesystem::is_directory(PICKET_RULES_INSTALLED, absent) ? PICKET_RULES_INSTALLED
                                                                         : PICKET_RULES_SOURCE;
}

picket::config::Config load_configuration(const Options& options) {
    if (options.config_file.empty()) return picket::config::default_config();
    auto result = picket::config::load_config(options.config_file, {.ports_required = false});
    for (const auto& finding : result.findings.all()) {
        if (finding.severity == picket::config::Severity::error) {
            throw SetupError(picket::config::text_of(finding), "the configuration is not usable",
                             "correct it, then try 'picket config check'", 2);
        }
        spdlog::info("{}", picket::config::text_of(finding));
    }
    return result.config;
}

picket::api::Dialect dialect_of(const Options& options, const picket::config::Config& config) {
    const std::string name =
        options.dialect.empty() ? picket::config::name_of(config.rules.dialect) : options.dialect;
    if (name == "snort3") return picket::api::Dialect::snort3;
    return name == "snort2" ? picket::api::Dialect::snort2 : picket::api::Dialect::suricata;
}

std::optional<picket::archive::ArchiveSettings> archive_of(const Options& options,
                                                           const picket::config::Config& config) {
    picket::archive::ArchiveSettings archive;
    archive.sensor = config.sensor;
    archive.read_only = !options.archive_only.empty();
    archive.replay = options.replay;
    archive.may_wait = options.replay;
    if (archive.read_only) {
        archive.directory = options.archive_only;
    } else if (!options.archive.empty()) {
        archive.directory = options.archive;
    } else if (config.archive && !options.replay) {
        archive.directory = config.archive->directory;
        archive.retain_ns = config.archive->retain_ms * 1'000'000;
        archive.bytes_max = config.archive->size_bytes_max;
    } else {
        return std::nullopt;
    }
    return archive;
}

picket::drain::QueryKept query_kept_of(picket::config::UriQuery query) {
    switch (query) {
        case picket::config::UriQuery::keep:
            return picket::drain::QueryKept::whole;
        case picket::config::UriQuery::hash:
            return picket::drain::QueryKept::hash;
        case picket::config::UriQuery::drop:
            return picket::drain::QueryKept::nothing;
    }
    return picket::drain::QueryKept::nothing;
}

picket::SensorSettings settings_of(const Options& options, const picket::config::Config& config) {
    picket::SensorSettings settings;
    settings.name = config.sensor;
    settings.dataplane_socket = options.dataplane;
    settings.replay = options.replay;
    settings.owns_dataplane = options.owns_dataplane;
    settings.known_nat = config.networks.known_nat;
    settings.archive = archive_of(options, config);
    settings.query_kept = query_kept_of(config.privacy.uri_query);
    settings.flows_kept = options.keep_flows.value_or(options.replay ? 0 : flows_kept_live);
    settings.requests_kept = settings.flows_kept > 0 ? requests_kept_live : requests_kept_replay;
    settings.eve_path = options.eve.empty() ? config.export_eve_file.value_or("") : options.eve;
    settings.rules.rules = {dialect_of(options, config), config.rules.variables};
    settings.rules.cache_directory = config.rules.cache.value_or(picket::rules::default_cache_directory());
    if (!options.rules.empty()) {
        settings.rules.files = options.rules;
    } else if (config.rules.files) {
        for (const auto& file : *config.rules.files) settings.rules.files.push_back(file.path);
    } else {
        settings.rules.files = {shipped_rules(options) + "/*.rules"};
    }
    for (const auto& list : config.watch) settings.watch_files.push_back({list.name, list.path});
    for (const auto& text : options.watch) {
        const auto equals = text.find('=');
        if (equals == std::string::npos || equals == 0) {
            throw SetupError("--watch " + text, "is not NAME=FILE", "write --watch sobig=/path/to/list.txt",
                             2);
        }
        settings.watch_files.push_back({text.substr(0, equals), text.substr(equals + 1)});
    }
    return settings;
}

// Signals are taken by the main thread alone, so that no other thread is interrupted.
sigset_t block_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    signal(SIGPIPE, SIG_IGN);
    return signals;
}

int serve(const Options& options) {
    const sigset_t signals = block_signals();
    const auto config = load_configuration(options);
    picket::Sensor sensor(settings_of(options, config));
    picket::serve::ControlServer server(options.control, sensor, [] { kill(getpid(), SIGTERM); });
    if (config.metrics_listen && !options.replay) server.serve_metrics(*config.metrics_listen);
    sensor.start();
    server.start();
    int taken = 0;
    sigwait(&signals, &taken);
    spdlog::info("leaving");
    sensor.stop();
    server.stop();
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App application{"picketd: Picket's control plane (see picket run)"};
    Options options;
    add_options(application, options);
    try {
        application.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return application.exit(error) == 0 ? 0 : 2;
    }
    spdlog::set_default_logger(spdlog::stderr_color_mt("picketd"));
    spdlog::set_pattern("picketd: %v");
    // A replay's report says what happened; its user wants to read nothing else.
    if (options.replay || options.quiet) spdlog::set_level(spdlog::level::warn);
    try {
        picket::archive::arm_fault_from_environment();
        return serve(options);
    } catch (const SetupError& error) {
        spdlog::error("{}", error.what());
        return error.exit_status();
    } catch (const std::exception& error) {
        spdlog::error("{}", error.what());
        return 3;
    }
}
