// The probe ledger as people read it.
#pragma once

#include <functional>
#include <string>

#include "controlplane/cli/context.h"
#include "controlplane/cli/control_client.h"

namespace picket::cli {

void print_probe_rows(const Printer& printer, const Json& answer);
void print_probe_sum(const Json& answer);
void print_probe_details(const Printer& printer, const Json& answer);
// Asks for the answered probes of each source and puts them beside it: before addresses are masked. The
// question goes with the filters that chose the sources.
void add_answered_probes(Json& answer, const std::function<Json(const Parameters&)>& question);
void print_probe_sources(const Printer& printer, const Json& answer);
// by: destination or rule.
void print_probe_groups(const Printer& printer, const Json& answer, const std::string& by);
void print_probe_timeline(const Printer& printer, const Json& answer);

}  // namespace picket::cli
