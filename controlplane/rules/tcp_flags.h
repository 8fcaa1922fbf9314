// The flags option: which TCP flags a packet carries.
//
// Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "controlplane/rules/rule.h"

namespace picket::rules {

// Parses FLAGS[+|*][,IGNORED], the modifier before or after; letters FSRPAUEC, 1 and 2 for C and E, 0 for
// none. An empty string, or the fault.
std::string parse_tcp_flags(std::string_view value, BufferOption& option);

}  // namespace picket::rules
