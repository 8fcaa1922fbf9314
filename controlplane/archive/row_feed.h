// Rows of the program as a table that SQL reads, without a copy in between.
//
// PERF: appended to a table of the engine first, a flow cost 1.72 us of CPU from add_flows() to the disk;
// half of it went into that copy and its statistics. Read straight from the rows it takes 0.84
// (bench_archive).
#pragma once

#include <duckdb.h>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "controlplane/archive/column.h"
#include "controlplane/archive/database.h"

namespace picket::archive {

// Columns of all row types look alike from here.
struct ColumnType {
    std::string name;
    duckdb_type type = DUCKDB_TYPE_INVALID;
    duckdb_type element = DUCKDB_TYPE_INVALID;
};

template <typename Row>
std::vector<ColumnType> types_of(const std::vector<Column<Row>>& columns) {
    std::vector<ColumnType> types;
    for (const auto& column : columns) types.push_back({column.name, column.type, column.element});
    return types;
}

// "name TYPE, ...", as CREATE TABLE takes it.
[[nodiscard]] std::string definitions_of(const std::vector<ColumnType>& columns);

// The table NAME(): what `fill` puts into chunks, from their beginning, until it puts no row into one. Lives
// as long as its database; one statement reads it at a time.
class RowFeed {
  public:
    using Fill = std::function<std::size_t(duckdb_data_chunk)>;  // the number of rows

    // Throws SetupError.
    RowFeed(Connection& connection, const std::string& name, std::vector<ColumnType> columns);
    ~RowFeed();
    RowFeed(RowFeed&&) noexcept;
    RowFeed& operator=(RowFeed&&) = delete;

    void set(Fill fill);

  private:
    struct Source;
    std::unique_ptr<Source> source_;
};

// Rows go to vectors in blocks that stay in the cache while all columns pass over them.
inline constexpr std::size_t rows_a_block = 128;

// Fills chunks with the rows of `chunks` spans: chunk(i) is the i-th one. Both outlive what is returned.
template <typename Row, typename Chunk>
RowFeed::Fill fill_from(const std::vector<Column<Row>>& columns, std::size_t chunks, Chunk chunk) {
    return [&columns, chunks, chunk, next = std::size_t{0},
            left = std::span<const Row>()](duckdb_data_chunk target) mutable {
        std::vector<duckdb_vector> vectors;
        for (std::size_t c = 0; c < columns.size(); ++c)
            vectors.push_back(duckdb_data_chunk_get_vector(target, c));
        std::size_t filled = 0;
        while (filled < duckdb_vector_size() && (!left.empty() || next < chunks)) {
            if (left.empty()) left = chunk(next++);
            const std::size_t count = std::min(
                {left.size(), static_cast<std::size_t>(duckdb_vector_size()) - filled, rows_a_block});
            for (std::size_t c = 0; c < columns.size(); ++c)
                columns[c].write(left.first(count), {vectors[c], filled});
            left = left.subspan(count);
            filled += count;
        }
        return filled;
    };
}

}  // namespace picket::archive
