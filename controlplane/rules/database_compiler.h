// The expressions of one filter to a serialized Hyperscan database, from the cache where it is there.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "controlplane/rules/pattern_cache.h"

namespace picket::rules {

struct Expression {
    std::string pattern;
    unsigned flags = 0;  // HS_FLAG_*
};

struct FilterDatabase {
    std::vector<std::byte> bytes;      // serialized; empty if nothing is left of the expressions
    std::vector<std::size_t> refused;  // ascending indices of expressions that Hyperscan does not take
    bool from_cache = false;
};

// Ids count the expressions that were not refused, in order. flags_all: of each. cache: may be null. Throws
// picket::SetupError if Hyperscan cannot compile for this machine at all.
FilterDatabase compile_database(const std::vector<Expression>& expressions, unsigned flags_all,
                                PatternCache* cache);

}  // namespace picket::rules
