// A report as the JSON document of the contract, and as CSV. Pure functions.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "bench/tool/row.h"

namespace picket::bench {

// machine, rows, warnings. Fields keep their order.
[[nodiscard]] nlohmann::ordered_json json_of(const Report& report);

// A head row, then a line a row; stages are columns of their own.
[[nodiscard]] std::string csv_of(const Report& report);

// Ethernet rates in Gbit/s that reports judge.
inline constexpr std::array<unsigned, 5> line_rates_gbit{1, 10, 25, 40, 100};

}  // namespace picket::bench
