// Flowbits of rules: the option's text, which rules can never hold for want of a setter, and in which order
// the rules of one packet are judged.
//
// Pure functions on values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/rules/rule.h"
#include "controlplane/rules/rule_parser.h"

namespace picket::rules {

// Parses the value of a flowbits option (ACTION,NAME, several names joined by & or |) into rule.flowbits, or
// rule.alerts. suricata: isnotset of names joined by | holds if any of them is not set; in Snort, if none is
// set. An empty string, or the fault.
std::string parse_flowbits(std::string_view value, bool suricata, Rule& rule);

// Moves rules that test a bit which no rule of the set can set to the rejects, until none is left: a rule
// that goes may have been the setter of another's bit.
void reject_unset_flowbits(ParsedRules& parsed);

// Indices of the rules that use flowbits or do not alert, in the order in which they are judged within one
// packet: whoever writes a bit before those who test it. Where rules wait for each other in a circle, the
// first one read that writes a bit goes first.
std::vector<std::uint32_t> order_by_flowbits(const std::vector<Rule>& rules);

// Rules of which nobody ever hears: they alert nobody, and write no bit that another rule tests which is
// heard of, or whose bits are. Feeds have many: what would test their bits looks at bodies of responses.
std::vector<bool> find_mute_rules(const std::vector<Rule>& rules);

}  // namespace picket::rules
