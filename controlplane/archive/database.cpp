#include "controlplane/archive/database.h"

#include <utility>

#include "dataplane/api/setup_error.h"

namespace picket::archive {

namespace {

// The first line says what is wrong; the others draw where in the statement.
std::string first_line(const char* text) {
    const std::string all = text == nullptr ? "no reason is known" : text;
    return all.substr(0, all.find('\n'));
}

}  // namespace

std::string quoted(const std::string& text) {
    std::string result = "'";
    for (const char c : text) result += c == '\'' ? std::string("''") : std::string(1, c);
    return result + "'";
}

Database::Database(const Limits& limits) {
    duckdb_config config = nullptr;
    if (duckdb_create_config(&config) == DuckDBError)
        throw SetupError("DuckDB", "has no memory for its settings", "free some memory");
    const auto set = [&](const char* name, const std::string& value) {
        duckdb_set_config(config, name, value.c_str());
    };
    set("threads", std::to_string(limits.threads));
    set("memory_limit", std::to_string(limits.memory_bytes) + "B");
    set("temp_directory", limits.spill_directory);
    set("autoinstall_known_extensions", "false");
    set("autoload_known_extensions", "false");
    set("preserve_insertion_order", "true");
    char* error = nullptr;
    const bool opened = duckdb_open_ext(nullptr, &database_, config, &error) == DuckDBSuccess;
    duckdb_destroy_config(&config);
    if (opened) return;
    const std::string why = first_line(error);
    duckdb_free(error);
    throw SetupError("DuckDB", "cannot be started: " + why, "is the machine short of memory?");
}

Database::~Database() {
    duckdb_close(&database_);
}

Rows::~Rows() {
    close();
}

Rows::Rows(Rows&& other) noexcept
    : result_(std::exchange(other.result_, {})),
      chunk_(std::exchange(other.chunk_, nullptr)),
      open_(std::exchange(other.open_, false)),
      failure_(std::move(other.failure_)) {}

Rows& Rows::operator=(Rows&& other) noexcept {
    if (this == &other) return *this;
    close();
    result_ = std::exchange(other.result_, {});
    chunk_ = std::exchange(other.chunk_, nullptr);
    open_ = std::exchange(other.open_, false);
    failure_ = std::move(other.failure_);
    return *this;
}

void Rows::close() noexcept {
    if (chunk_ != nullptr) duckdb_destroy_data_chunk(&chunk_);
    if (open_) duckdb_destroy_result(&result_);
    open_ = false;
}

duckdb_data_chunk Rows::next() {
    if (!open_) return nullptr;
    if (chunk_ != nullptr) duckdb_destroy_data_chunk(&chunk_);
    chunk_ = duckdb_fetch_chunk(result_);
    if (chunk_ == nullptr) {
        if (const char* error = duckdb_result_error(&result_)) failure_ = first_line(error);
    }
    return chunk_;
}

Connection::Connection(const Database& database) {
    if (duckdb_connect(database.handle(), &connection_) == DuckDBError)
        throw SetupError("DuckDB", "gives no connection", "is the machine short of memory?");
}

Connection::~Connection() {
    duckdb_disconnect(&connection_);
}

Failure Connection::run(const std::string& sql) {
    duckdb_result result{};
    const bool done = duckdb_query(connection_, sql.c_str(), &result) == DuckDBSuccess;
    Failure failure;
    if (!done) failure = first_line(duckdb_result_error(&result));
    duckdb_destroy_result(&result);
    return failure;
}

Rows Connection::stream(const std::string& sql) {
    Rows rows;
    duckdb_prepared_statement statement = nullptr;
    if (duckdb_prepare(connection_, sql.c_str(), &statement) == DuckDBError) {
        rows.failure_ = first_line(duckdb_prepare_error(statement));
    } else {
        rows.open_ = true;
        if (duckdb_execute_prepared_streaming(statement, &rows.result_) == DuckDBError)
            rows.failure_ = first_line(duckdb_result_error(&rows.result_));
    }
    duckdb_destroy_prepare(&statement);
    if (rows.failure_) rows.close();
    return rows;
}

}  // namespace picket::archive
