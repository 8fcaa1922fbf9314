// The report of `picket replay`: the contract's JSON document, and what a person reads.
#pragma once

#include <iosfwd>

#include "controlplane/cli/context.h"

namespace picket::cli {

// Exactly the fields of the contract, in its order.
[[nodiscard]] Json contract_report(const Json& report);

void print_report(std::ostream& out, const Printer& printer, const Json& report);

// One line on `out` for each capture that is damaged, cut short or of no use, and one if the replay itself
// was stopped before its end. True if there was one.
bool print_damage(std::ostream& out, const Json& report);

// One line for each rule that was not loaded: where and why.
void print_rejected_rules(std::ostream& out, const Json& report);

}  // namespace picket::cli
