// PCRE2 as the rules use it, in one place: bytes (no UTF), newline is LF, as the data plane compiles them.
#pragma once

#ifndef PCRE2_CODE_UNIT_WIDTH
#define PCRE2_CODE_UNIT_WIDTH 8
#endif
#include <pcre2.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace picket::rules {

// Why PCRE2 refuses the pattern, with the position; empty if it accepts it.
std::string pcre_fault(std::string_view pattern, std::uint32_t options);

}  // namespace picket::rules
