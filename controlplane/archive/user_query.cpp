#include "controlplane/archive/user_query.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "controlplane/archive/column.h"
#include "controlplane/archive/database.h"
#include "controlplane/archive/sql_views.h"

namespace picket::archive {

namespace {

// Interrupts a connection unless it is done in time.
class Deadline {
  public:
    Deadline(Connection& connection, std::chrono::milliseconds time)
        : thread_([this, &connection, time] {
              std::unique_lock lock(mutex_);
              if (changed_.wait_for(lock, time, [this] { return done_; })) return;
              passed_ = true;
              connection.interrupt();
          }) {}
    ~Deadline() {
        {
            const std::lock_guard lock(mutex_);
            done_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;
    [[nodiscard]] bool passed() const {
        const std::lock_guard lock(mutex_);
        return passed_;
    }

  private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    bool done_ = false;
    bool passed_ = false;
    std::thread thread_;
};

// Nothing but the archive's files can be opened from here on.
Failure close_off(Connection& connection, const std::vector<FilePointer>& files) {
    std::string paths;
    for (const auto& file : files) paths += (paths.empty() ? "" : ", ") + quoted(file->path());
    if (!paths.empty()) {
        if (auto failure = connection.run("SET allowed_paths = [" + paths + "]")) return failure;
    }
    if (auto failure = connection.run("SET enable_external_access = false")) return failure;
    return connection.run("SET lock_configuration = true");
}

// A single SELECT, or why it is none. Its columns are told.
Failure check(Connection& connection, const std::string& sql, std::vector<std::string>& columns) {
    duckdb_extracted_statements statements = nullptr;
    const idx_t count = duckdb_extract_statements(connection.handle(), sql.c_str(), &statements);
    Failure failure;
    duckdb_prepared_statement statement = nullptr;
    if (count == 0) {
        const char* why = duckdb_extract_statements_error(statements);
        failure = why == nullptr || *why == '\0' ? "there is no statement" : why;
    } else if (count > 1) {
        failure = "there is more than one statement";
    } else if (duckdb_prepare_extracted_statement(connection.handle(), statements, 0, &statement) ==
               DuckDBError) {
        failure = duckdb_prepare_error(statement);
    } else if (duckdb_prepared_statement_type(statement) != DUCKDB_STATEMENT_TYPE_SELECT) {
        failure = "only SELECT is answered";
    } else {
        for (idx_t i = 0; i < duckdb_prepared_statement_column_count(statement); ++i) {
            const char* name = duckdb_prepared_statement_column_name(statement, i);
            columns.emplace_back(name == nullptr ? "" : name);
            duckdb_free(const_cast<char*>(name));
        }
    }
    duckdb_destroy_prepare(&statement);
    duckdb_destroy_extracted(&statements);
    return failure;
}

std::string without_end(std::string sql) {
    const auto last = sql.find_last_not_of("; \t\r\n");
    sql.erase(last == std::string::npos ? 0 : last + 1);
    return sql;
}

}  // namespace

SqlResult run_sql(const std::vector<FilePointer>& files, const std::string& sql, const SqlLimits& limits) {
    SqlResult result;
    const Database database({limits.threads, limits.memory_bytes, ""});
    Connection connection(database);
    Failure failure;
    for (const auto& statement : sql_views(files)) {
        if (!failure) failure = connection.run(statement);
    }
    if (!failure) failure = close_off(connection, files);
    if (!failure) failure = check(connection, sql, result.columns);
    if (!failure) {
        const Deadline deadline(connection, limits.time);
        // The line break ends a comment that the statement may end with.
        Rows rows =
            connection.stream("SELECT to_json(answer)::VARCHAR FROM (" + without_end(sql) + "\n) AS answer");
        std::size_t bytes = 0;
        while (duckdb_data_chunk chunk = rows.next()) {
            const auto* texts = Source{duckdb_data_chunk_get_vector(chunk, 0)}.data<duckdb_string_t>();
            for (idx_t i = 0; i < duckdb_data_chunk_get_size(chunk) && !result.truncated; ++i) {
                duckdb_string_t text = texts[i];
                bytes += duckdb_string_t_length(text);
                result.truncated = result.rows.size() >= limits.rows_max || bytes > limits.text_bytes_max;
                if (!result.truncated)
                    result.rows.emplace_back(duckdb_string_t_data(&text), duckdb_string_t_length(text));
            }
            if (result.truncated) break;
        }
        failure = rows.failure();
        if (deadline.passed())
            failure = "it took longer than " + std::to_string(limits.time.count() / 1000) + " s";
    }
    result.error = failure.value_or("");
    return result;
}

}  // namespace picket::archive
