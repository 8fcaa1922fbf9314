// The parameters of a request (option names with '_') to a Query.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/store/problem.h"
#include "controlplane/store/query.h"

namespace picket::store {

using Parameters = std::vector<std::pair<std::string, std::string>>;

struct QueryContext {
    std::uint64_t now_ns = 0;  // what relative times count from
    // The addresses of a watch list, nullptr if there is no such list.
    std::function<Networks(const std::string& name)> watch_list;
};

// Fills query, or says what is wrong. Unknown parameters are errors, so that a misspelt filter never
// widens an answer.
std::optional<Problem> parse_query(const Parameters& parameters, const QueryContext& context, Query& query);

}  // namespace picket::store
