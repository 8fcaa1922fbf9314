// Queries to Parquet files, and rows back from them, for any table that is a list of columns.
//
// Not thread-safe: one connection, one thread.
#pragma once

#include <duckdb.h>

#include <string>
#include <vector>

#include "controlplane/archive/column.h"
#include "controlplane/archive/database.h"

namespace picket::archive {

struct ParquetSettings {
    const char* compression = "lz4_raw";
    std::size_t row_group_rows = 122'880;
};

// COPY of a query's rows to a file that other engines read, with the schema's version in its metadata.
[[nodiscard]] Failure write_parquet(Connection& connection, const std::string& query, const std::string& path,
                                    const ParquetSettings& settings);

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
