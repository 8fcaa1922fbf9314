// Cuts rows of flows that are too many to be sorted at once into ranges of sources that are not.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "controlplane/archive/database.h"
#include "controlplane/archive/manifest.h"

namespace picket::archive {

struct SourceRange {
    AddressRange addresses;
    std::uint64_t rows_about = 0;  // estimated from a sample
};

// Ranges of about rows_max rows at most, but where one source alone has more; together all addresses, in
// their order. list: files as read_parquet() takes them; condition: which of their rows. Every (rows_max /
// 256)th row of each file is looked at: of sorted files that is a quantile, so that a range is off by less
// than 1 / 256 a file.
[[nodiscard]] Failure find_source_ranges(Connection& connection, const std::string& list,
                                         const std::string& condition, std::uint64_t rows_max,
                                         std::vector<SourceRange>& ranges);

// Exact, and such that the statistics of row groups prune.
[[nodiscard]] std::string source_condition(const AddressRange& range);

}  // namespace picket::archive
