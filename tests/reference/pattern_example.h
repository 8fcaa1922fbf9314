// A text that a pattern may match: so that requests made from rules do hit them.
//
// Knows literals, escapes, classes, groups, alternatives and counts; of anything else it makes nothing. What
// it returns is a good guess, and nothing depends on its being right.
#pragma once

#include <string>
#include <string_view>

#include "tests/reference/random.h"

namespace picket::reference {

std::string pattern_example(std::string_view pattern, Random& random);

}  // namespace picket::reference
