// DuckDB behind three small types: an engine in memory, its connections, and what a statement yields.
//
// An engine may be shared by threads, a connection and its result belong to one at a time; interrupt() may
// come from any. Nothing is ever loaded or downloaded at run time: extensions are neither installed nor
// loaded on their own. Failures are sentences of the engine, never exceptions, but for the constructors.
#pragma once

#include <duckdb.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace picket::archive {

using Failure = std::optional<std::string>;  // nothing: it went well

// 'text' with its quotes doubled, as SQL writes it.
[[nodiscard]] std::string quoted(const std::string& text);

class Database {
  public:
    struct Limits {
        unsigned threads = 1;
        std::uint64_t memory_bytes = std::uint64_t{512} << 20;
        std::string spill_directory;  // empty: what does not fit into memory fails
    };

    // Throws SetupError.
    explicit Database(const Limits& limits);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    [[nodiscard]] duckdb_database handle() const noexcept { return database_; }

  private:
    duckdb_database database_ = nullptr;
};

// The rows of a statement, a chunk at a time.
class Rows {
  public:
    Rows() = default;
    ~Rows();
    Rows(Rows&& other) noexcept;
    Rows& operator=(Rows&& other) noexcept;

    // The next rows, nullptr after the last ones or a failure. Valid until the next call.
    duckdb_data_chunk next();
    [[nodiscard]] const Failure& failure() const noexcept { return failure_; }
    [[nodiscard]] duckdb_result& result() noexcept { return result_; }

  private:
    friend class Connection;
    void close() noexcept;

    duckdb_result result_{};
    duckdb_data_chunk chunk_ = nullptr;
    bool open_ = false;
    Failure failure_;
};

class Connection {
  public:
    // Throws SetupError.
    explicit Connection(const Database& database);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // Statements without rows.
    [[nodiscard]] Failure run(const std::string& sql);
    // One statement, whose rows are made as they are asked for.
    [[nodiscard]] Rows stream(const std::string& sql);
    void interrupt() noexcept { duckdb_interrupt(connection_); }
    [[nodiscard]] duckdb_connection handle() const noexcept { return connection_; }

  private:
    duckdb_connection connection_ = nullptr;
};

}  // namespace picket::archive
