// Messages that rules of a file may hit, and what becomes of them by mutation.
#pragma once

#include <string>
#include <vector>

#include "controlplane/rules/rule.h"
#include "dataplane/match/flow_ends.h"
#include "tests/reference/random.h"

namespace picket::reference {

// A message as on the wire, and what travels with it.
struct RawMessage {
    std::string text;
    match::FlowEnds ends;
    bool body_cut = false;
    bool in_one_packet = true;
    std::uint8_t tcp_flags = 0x18;
};

// The packet, request or response that has what the rule looks for, where it looks for it, between ends that
// the rule names.
RawMessage message_for(const rules::Rule& rule, api::Dialect dialect, Random& random);

// Changes bytes, their case and encoding, inserts segments, headers, bodies and pieces of the rules'
// contents, cuts: none to three of these.
void mutate(RawMessage& message, const std::vector<rules::Rule>& rules, Random& random);

}  // namespace picket::reference
