// Which message a rule about HTTP is judged on: a request's head, a request with its body, or a response.
//
// Pure functions.
#pragma once

#include "controlplane/rules/rule.h"
#include "controlplane/rules/rule_options.h"

namespace picket::rules {

// Sets rule.phases by its buffers and its direction, which they must not contradict: a buffer that only
// requests have and one that only responses have cannot be in one rule (Suricata: "mixes keywords with
// conflicting directions"). Without a direction, buffers that both have are looked at in both.
// REQUIRES: rule.kind is request, and plain contents are still over RuleBuffer::payload.
OptionFault set_phases(Rule& rule);

}  // namespace picket::rules
