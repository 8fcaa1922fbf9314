#include "controlplane/archive/source_ranges.h"

#include <algorithm>

#include "controlplane/archive/column.h"

namespace picket::archive {

namespace {

constexpr std::uint64_t samples_a_range = 256;

std::string half(const api::Address& address, bool low) {
    return std::to_string(address_half(address, low));
}

api::Address all_ones() {
    api::Address address;
    set_address_half(address, false, UINT64_MAX);
    set_address_half(address, true, UINT64_MAX);
    return address;
}

// Not of the lowest address, which has none before it.
api::Address before(api::Address address) {
    const std::uint64_t low = address_half(address, true);
    set_address_half(address, true, low - 1);
    if (low == 0) set_address_half(address, false, address_half(address, false) - 1);
    return address;
}

Failure sample(Connection& connection, const std::string& list, const std::string& condition,
               std::uint64_t stride, std::vector<api::Address>& sources) {
    Rows rows = connection.stream("SELECT src_hi, src_lo FROM read_parquet(" + list +
                                  ", file_row_number = true) WHERE file_row_number % " +
                                  std::to_string(stride) + " = 0 AND " + condition);
    while (duckdb_data_chunk chunk = rows.next()) {
        const auto* high = Source{duckdb_data_chunk_get_vector(chunk, 0)}.data<std::uint64_t>();
        const auto* low = Source{duckdb_data_chunk_get_vector(chunk, 1)}.data<std::uint64_t>();
        for (idx_t i = 0; i < duckdb_data_chunk_get_size(chunk); ++i) {
            api::Address address;
            set_address_half(address, false, high[i]);
            set_address_half(address, true, low[i]);
            sources.push_back(address);
        }
    }
    return rows.failure();
}

}  // namespace

Failure find_source_ranges(Connection& connection, const std::string& list, const std::string& condition,
                           std::uint64_t rows_max, std::vector<SourceRange>& ranges) {
    const std::uint64_t stride = std::max<std::uint64_t>(rows_max / samples_a_range, 1);
    std::vector<api::Address> sources;
    if (auto failure = sample(connection, list, condition, stride, sources)) return failure;
    std::sort(sources.begin(), sources.end());
    ranges.assign(1, {{{}, all_ones()}, 0});
    for (auto run = sources.begin(); run != sources.end();) {
        const auto end = std::upper_bound(run, sources.end(), *run);
        const std::uint64_t rows = static_cast<std::uint64_t>(end - run) * stride;
        if (ranges.back().rows_about > 0 && ranges.back().rows_about + rows > rows_max) {
            ranges.back().addresses.last = before(*run);
            ranges.push_back({{*run, all_ones()}, 0});
        }
        ranges.back().rows_about += rows;
        run = end;
    }
    return {};
}

std::string source_condition(const AddressRange& range) {
    const auto& [first, last] = range;
    if (address_half(first, false) == address_half(last, false)) {
        return "src_hi = " + half(first, false) + " AND src_lo BETWEEN " + half(first, true) + " AND " +
               half(last, true);
    }
    return "src_hi BETWEEN " + half(first, false) + " AND " + half(last, false) + " AND (src_hi > " +
           half(first, false) + " OR src_lo >= " + half(first, true) + ") AND (src_hi < " +
           half(last, false) + " OR src_lo <= " + half(last, true) + ")";
}

}  // namespace picket::archive
