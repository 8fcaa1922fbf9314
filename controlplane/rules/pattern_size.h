// How large a regular expression is once its repeats are written out.
//
// Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace picket::rules {

// Characters and classes of the pattern, those in {n,m} counted as often as they may repeat (* and + count
// once): what an engine that unrolls repeats has to hold. An estimate; never more than SIZE_MAX / 2.
std::size_t unrolled_size(std::string_view pattern);

}  // namespace picket::rules
