// How flows look on a terminal: rows, totals, talkers, timeline, groups, and one flow in full.
#pragma once

#include <functional>

#include "controlplane/cli/context.h"
#include "controlplane/cli/flow_filters.h"

namespace picket::cli {

void print_flow_rows(const Printer& printer, const Json& answer);
void print_flow_talkers(const Printer& printer, const Json& answer);
void print_flow_timeline(const Printer& printer, const Json& answer);
void print_flow_groups(const Printer& printer, const Json& answer, const std::string& by);
void print_flow_detail(const Printer& printer, const Json& answer);

// Totals, and what a reader asks next: which destination, how often, what size, and did anybody answer.
// `question` is asked for further answers about the same flows; the parameters are added to its own.
using Question = std::function<Json(const Parameters&)>;
void print_flow_sum(const Printer& printer, const Json& answer, const FlowFilters& filters,
                    const Question& question, ControlClient& client);

}  // namespace picket::cli
