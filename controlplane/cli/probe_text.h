// The probe ledger as people read it.
#pragma once

#include <string>

#include "controlplane/cli/context.h"
#include "controlplane/cli/control_client.h"

namespace picket::cli {

void print_probe_rows(const Printer& printer, const Json& answer);
void print_probe_sum(const Json& answer);
void print_probe_details(const Printer& printer, const Json& answer);
// Asks for the answered probes of each source.
void print_probe_sources(const Printer& printer, const Json& answer, ControlClient& client);
// by: destination or rule.
void print_probe_groups(const Printer& printer, const Json& answer, const std::string& by);
void print_probe_timeline(const Printer& printer, const Json& answer);

}  // namespace picket::cli
