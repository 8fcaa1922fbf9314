// The command groups: each adds its subcommands to the application and leaves what to do in
// Context::action when one of them was chosen. The references outlive the action.
#pragma once

#include "controlplane/cli/context.h"

namespace CLI {
class App;
}

namespace picket::cli {

void add_replay_command(CLI::App& application, Context& context);
void add_run_command(CLI::App& application, Context& context);
void add_import_command(CLI::App& application, Context& context);
void add_archive_commands(CLI::App& application, Context& context);
void add_query_command(CLI::App& application, Context& context);
void add_status_command(CLI::App& application, Context& context);
void add_port_commands(CLI::App& application, Context& context);
void add_flow_commands(CLI::App& application, Context& context);
void add_alert_commands(CLI::App& application, Context& context);
void add_probe_commands(CLI::App& application, Context& context);
void add_scan_commands(CLI::App& application, Context& context);
void add_spoof_commands(CLI::App& application, Context& context);
void add_event_commands(CLI::App& application, Context& context);
void add_capture_command(CLI::App& application, Context& context);
void add_export_commands(CLI::App& application, Context& context);
void add_watch_commands(CLI::App& application, Context& context);
void add_rule_commands(CLI::App& application, Context& context);
void add_config_commands(CLI::App& application, Context& context);
void add_counter_commands(CLI::App& application, Context& context);
void add_bench_command(CLI::App& application, Context& context);

// What /v1/archive and /v1/status say of the archive, in one line.
[[nodiscard]] std::string archive_line(const Json& archive);

}  // namespace picket::cli
