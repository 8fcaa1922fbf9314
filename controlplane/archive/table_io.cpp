#include "controlplane/archive/table_io.h"

#include "controlplane/archive/manifest.h"

namespace picket::archive {

namespace {

const char* sql_name(duckdb_type type) {
    switch (type) {
        case DUCKDB_TYPE_UTINYINT:
            return "UTINYINT";
        case DUCKDB_TYPE_USMALLINT:
            return "USMALLINT";
        case DUCKDB_TYPE_UINTEGER:
            return "UINTEGER";
        case DUCKDB_TYPE_UBIGINT:
            return "UBIGINT";
        case DUCKDB_TYPE_TIMESTAMP_NS:
            return "TIMESTAMP_NS";
        case DUCKDB_TYPE_VARCHAR:
            return "VARCHAR";
        case DUCKDB_TYPE_BLOB:
            return "BLOB";
        default:
            return "BIGINT";
    }
}

std::string definition(const ColumnType& column) {
    const bool list = column.type == DUCKDB_TYPE_LIST;
    return "\"" + column.name + "\" " + sql_name(list ? column.element : column.type) + (list ? "[]" : "");
}

duckdb_logical_type logical_type(const ColumnType& column) {
    if (column.type != DUCKDB_TYPE_LIST) return duckdb_create_logical_type(column.type);
    duckdb_logical_type element = duckdb_create_logical_type(column.element);
    duckdb_logical_type list = duckdb_create_list_type(element);
    duckdb_destroy_logical_type(&element);
    return list;
}

}  // namespace

std::string definitions_of(const std::vector<ColumnType>& columns) {
    std::string definitions;
    for (const auto& column : columns) definitions += (definitions.empty() ? "" : ", ") + definition(column);
    return definitions;
}

TableSink::TableSink(Connection& connection, const std::string& table,
                     const std::vector<ColumnType>& columns) {
    for (const auto& column : columns) types_.push_back(logical_type(column));
    failure_ = connection.run("CREATE OR REPLACE TABLE " + table + " (" + definitions_of(columns) + ")");
    chunk_ = duckdb_create_data_chunk(types_.data(), types_.size());
    take_vectors();
    if (failure_) return;
    if (duckdb_appender_create(connection.handle(), nullptr, table.c_str(), &appender_) == DuckDBError)
        failure_ = "no rows can be appended to " + table;
}

TableSink::~TableSink() {
    if (appender_ != nullptr) duckdb_appender_destroy(&appender_);
    duckdb_destroy_data_chunk(&chunk_);
    for (auto& type : types_) duckdb_destroy_logical_type(&type);
}

void TableSink::take_vectors() {
    vectors_.clear();
    for (std::size_t i = 0; i < types_.size(); ++i)
        vectors_.push_back(duckdb_data_chunk_get_vector(chunk_, i));
}

void TableSink::append(std::size_t rows) {
    duckdb_data_chunk_set_size(chunk_, rows);
    if (!failure_ && duckdb_append_data_chunk(appender_, chunk_) == DuckDBError) {
        const char* why = duckdb_appender_error(appender_);
        failure_ = why == nullptr ? "rows cannot be appended" : why;
    }
    duckdb_data_chunk_reset(chunk_);
    take_vectors();
}

Failure TableSink::finish() {
    if (!failure_ && duckdb_appender_close(appender_) == DuckDBError) {
        const char* why = duckdb_appender_error(appender_);
        failure_ = why == nullptr ? "rows cannot be appended" : why;
    }
    return failure_;
}

Failure write_parquet(Connection& connection, const std::string& query, const std::string& path,
                      const ParquetSettings& settings) {
    return connection.run("COPY (" + query + ") TO " + quoted(path) +
                          " (FORMAT parquet, USE_TMP_FILE false, PARQUET_VERSION v2, COMPRESSION " +
                          settings.compression + ", ROW_GROUP_SIZE " +
                          std::to_string(settings.row_group_rows) + ", KV_METADATA {picket_schema: '" +
                          std::to_string(schema_version) + "'})");
}

}  // namespace picket::archive
