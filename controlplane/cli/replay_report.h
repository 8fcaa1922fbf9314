// The report of `picket replay`: the contract's JSON document, and what a person reads.
#pragma once

#include <iosfwd>

#include "controlplane/cli/context.h"

namespace picket::cli {

// Exactly the fields of the contract, in its order.
[[nodiscard]] Json contract_report(const Json& report);

// "name 12, other 3" of the outcomes that occurred, broken at ", " where a line behind `indent` would be
// longer than 80 columns; later lines begin with the indent, the first is where the caller stands.
[[nodiscard]] std::string outcome_lines(const Json& outcomes, std::size_t indent);

void print_report(std::ostream& out, const Printer& printer, const Json& report);

// One line on `out` for each capture that is damaged, cut short or of no use, and one if the replay itself
// was stopped before its end. True if there was one.
bool print_damage(std::ostream& out, const Json& report);

// One line for each rule that was not loaded: where and why.
void print_rejected_rules(std::ostream& out, const Json& report);

}  // namespace picket::cli
