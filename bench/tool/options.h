// The command line of picket-bench.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/tool/row.h"

namespace picket::bench {

struct Options {
    RowSettings row;
    bool sweep = false;
    std::vector<std::string> rule_files;
    std::uint64_t rule_count = 0;  // of built-in rules, where no file is given
    std::string uri_file;
    bool json = false;
    bool csv = false;
    bool quiet = false;
    bool wide = false;
    std::string color = "auto";
};

// nullopt: help or version was printed. Throws SetupError with exit status 2.
[[nodiscard]] std::optional<Options> parse_options(int argument_count, const char* const* arguments);

// "1000000", "10M", "100k", "1.5M". nullopt if it is none.
[[nodiscard]] std::optional<std::uint64_t> parse_count(const std::string& text);
// "0.05", "5%", between 0 and 1. nullopt if it is none.
[[nodiscard]] std::optional<double> parse_share(const std::string& text);

}  // namespace picket::bench
