#include "controlplane/archive/row_feed.h"

#include "dataplane/api/setup_error.h"

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
    for (const auto& column : columns) {
        const bool list = column.type == DUCKDB_TYPE_LIST;
        definitions += (definitions.empty() ? "\"" : ", \"") + column.name + "\" " +
                       sql_name(list ? column.element : column.type) + (list ? "[]" : "");
    }
    return definitions;
}

struct RowFeed::Source {
    std::vector<ColumnType> columns;
    Fill fill;

    static void bind(duckdb_bind_info info) {
        const auto* source = static_cast<const Source*>(duckdb_bind_get_extra_info(info));
        for (const auto& column : source->columns) {
            duckdb_logical_type type = logical_type(column);
            duckdb_bind_add_result_column(info, column.name.c_str(), type);
            duckdb_destroy_logical_type(&type);
        }
    }
    static void init(duckdb_init_info) {}  // its state is in `fill`
    static void read(duckdb_function_info info, duckdb_data_chunk chunk) {
        auto* source = static_cast<Source*>(duckdb_function_get_extra_info(info));
        duckdb_data_chunk_set_size(chunk, source->fill(chunk));
    }
};

RowFeed::RowFeed(Connection& connection, const std::string& name, std::vector<ColumnType> columns)
    : source_(std::make_unique<Source>(Source{std::move(columns), {}})) {
    duckdb_table_function function = duckdb_create_table_function();
    duckdb_table_function_set_name(function, name.c_str());
    duckdb_table_function_set_extra_info(function, source_.get(), nullptr);
    duckdb_table_function_set_bind(function, &Source::bind);
    duckdb_table_function_set_init(function, &Source::init);
    duckdb_table_function_set_function(function, &Source::read);
    const bool registered = duckdb_register_table_function(connection.handle(), function) == DuckDBSuccess;
    duckdb_destroy_table_function(&function);
    if (!registered) throw SetupError("DuckDB", "does not take the table " + name, "report this");
}

RowFeed::~RowFeed() = default;
RowFeed::RowFeed(RowFeed&&) noexcept = default;

void RowFeed::set(Fill fill) {
    source_->fill = std::move(fill);
}

}  // namespace picket::archive
