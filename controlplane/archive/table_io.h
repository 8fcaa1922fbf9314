// Rows to Parquet files and back, for any table that is a list of columns.
//
// Not thread-safe: one connection, one thread.
#pragma once

#include <duckdb.h>

#include <algorithm>
#include <functional>
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

// "name TYPE, ...", as CREATE TABLE takes it.
[[nodiscard]] std::string definitions_of(const std::vector<ColumnType>& columns);

// A table in memory that chunks are appended to. Failures are kept: the first one is told by finish().
class TableSink {
  public:
    TableSink(Connection& connection, const std::string& table, const std::vector<ColumnType>& columns);
    ~TableSink();
    TableSink(const TableSink&) = delete;
    TableSink& operator=(const TableSink&) = delete;

    [[nodiscard]] duckdb_vector vector(std::size_t column) const noexcept { return vectors_[column]; }
    void append(std::size_t rows);  // what lies in the vectors, which are empty then
    // What was appended is in the table.
    [[nodiscard]] Failure finish();

    static constexpr std::size_t chunk_rows = 2048;

  private:
    void take_vectors();

    Failure failure_;
    std::vector<duckdb_logical_type> types_;
    std::vector<duckdb_vector> vectors_;
    duckdb_data_chunk chunk_ = nullptr;
    duckdb_appender appender_ = nullptr;
};

struct ParquetSettings {
    const char* compression = "lz4_raw";
    std::size_t row_group_rows = 122'880;
};

// COPY of a query's rows to a file that other engines read, with the schema's version in its metadata.
[[nodiscard]] Failure write_parquet(Connection& connection, const std::string& query, const std::string& path,
                                    const ParquetSettings& settings);

template <typename Row>
std::vector<ColumnType> types_of(const std::vector<Column<Row>>& columns) {
    std::vector<ColumnType> types;
    for (const auto& column : columns) types.push_back({column.name, column.type, column.element});
    return types;
}

// Rows go to vectors in blocks that stay in the cache while all columns pass over them.
inline constexpr std::size_t rows_a_block = 128;

// chunk(i) is the i-th of `chunks` spans of rows; together they become the table's contents.
template <typename Row, typename Chunk>
Failure fill_table(Connection& connection, const std::string& table, const std::vector<Column<Row>>& columns,
                   std::size_t chunks, Chunk&& chunk) {
    TableSink sink(connection, table, types_of(columns));
    std::size_t filled = 0;
    for (std::size_t i = 0; i < chunks; ++i) {
        std::span<const Row> rows = chunk(i);
        while (!rows.empty()) {
            const std::size_t count = std::min({rows.size(), TableSink::chunk_rows - filled, rows_a_block});
            for (std::size_t c = 0; c < columns.size(); ++c)
                columns[c].write(rows.first(count), {sink.vector(c), filled});
            rows = rows.subspan(count);
            filled += count;
            if (filled < TableSink::chunk_rows) continue;
            sink.append(filled);
            filled = 0;
        }
    }
    if (filled > 0) sink.append(filled);
    return sink.finish();
}

// `query` yields the columns in their order. visit is called with each row, and keeps nothing of it.
template <typename Row, typename Visit>
Failure read_rows(Connection& connection, const std::string& query,
                  const std::vector<const Column<Row>*>& columns, Visit&& visit) {
    Rows result = connection.stream(query);
    std::vector<Row> rows;
    while (duckdb_data_chunk chunk = result.next()) {
        rows.assign(duckdb_data_chunk_get_size(chunk), Row{});
        for (std::size_t c = 0; c < columns.size(); ++c)
            columns[c]->read({duckdb_data_chunk_get_vector(chunk, c)}, rows);
        for (Row& row : rows) visit(row);
    }
    return result.failure();
}

// The first `count` columns, or all.
template <typename Row>
std::vector<const Column<Row>*> pointers_to(const std::vector<Column<Row>>& columns) {
    std::vector<const Column<Row>*> pointers;
    for (const auto& column : columns) pointers.push_back(&column);
    return pointers;
}

template <typename Row>
std::string names_of(const std::vector<const Column<Row>*>& columns) {
    std::string names;
    for (const auto* column : columns) names += (names.empty() ? "\"" : ", \"") + column->name + "\"";
    return names;
}

}  // namespace picket::archive
