// The files of one flush, written one after the other and not entered in the manifest yet.
//
// Not thread-safe: the archive's thread makes one a flush.
#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "controlplane/archive/catalog.h"
#include "controlplane/archive/fault.h"
#include "controlplane/archive/open_rows.h"
#include "controlplane/archive/row_feed.h"
#include "controlplane/archive/table_io.h"

namespace picket::archive {

struct TimeSpan {
    std::uint64_t first_ns = 0;
    std::uint64_t last_ns = 0;
};

inline TimeSpan times_of(const store::StoredFlow& row) {
    return {row.start_ns, row.last_ns};
}
inline TimeSpan times_of(const store::StoredRequest& row) {
    return {row.time_ns, row.time_ns};
}
inline TimeSpan times_of(const ResponseRow& row) {
    return {row.time_ns, row.time_ns};
}
inline TimeSpan times_of(const store::StoredHit& row) {
    return {row.time_ns, row.time_ns};
}
inline TimeSpan times_of(const AlertRow& row) {
    return {row.hit.time_ns, std::max(row.hit.time_ns, row.hit.last_ns)};
}
inline TimeSpan times_of(const LossRow& row) {
    return {row.begin_ns, row.end_ns};
}
inline TimeSpan times_of(const store::StoredPacket& row) {
    return {row.time_ns, row.time_ns};
}

// What files are written with: an engine, and a table in it for each kind of rows.
struct WriteEngine {
    WriteEngine() : database({1, memory_bytes, ""}), connection(database) {}

    static std::string name_of(Table table) {
        return "open_" + std::string(table_names[static_cast<std::size_t>(table)]);
    }
    template <typename Row>
    RowFeed& feed(Table table, const std::vector<Column<Row>>& columns) {
        auto found = feeds.find(table);
        if (found == feeds.end())
            found = feeds.emplace(table, RowFeed(connection, name_of(table), types_of(columns))).first;
        return found->second;
    }

    static constexpr std::uint64_t memory_bytes = std::uint64_t{768} << 20;

    std::map<Table, RowFeed> feeds;  // outlive the database
    Database database;
    Connection connection;
};

class FlushFiles {
  public:
    FlushFiles(Catalog& catalog, WriteEngine& engine) : catalog_(catalog), engine_(engine) {}

    template <typename Row>
    void write(Table table, const std::vector<Column<Row>>& columns, const ChunkView<Row>& view) {
        if (failure_ || view.rows() == 0) return;
        FileEntry entry;
        entry.name = catalog_.next_name(table, 0);
        entry.table = table;
        entry.rows = view.rows();
        entry.first_ns = UINT64_MAX;
        view.for_each([&](const Row& row) {
            const TimeSpan times = times_of(row);
            entry.first_ns = std::min(entry.first_ns, times.first_ns);
            entry.last_ns = std::max(entry.last_ns, times.last_ns);
        });
        files_.push_back(entry);
        RowFeed& feed = engine_.feed(table, columns);
        feed.set(fill_from(columns, view.chunks(), [&](std::size_t i) { return view.chunk(i); }));
        failure_ = publish(files_.back());
        feed.set({});
    }

    void discard() {
        fault_point(FaultPoint::discard_begun);
        for (const auto& file : files_) {
            catalog_.directory().forget(file.name);
            catalog_.discard(file.name);
        }
    }

    [[nodiscard]] const std::vector<FileEntry>& files() const noexcept { return files_; }
    [[nodiscard]] const Failure& failure() const noexcept { return failure_; }

  private:
    Failure publish(FileEntry& entry) {
        DurableDirectory& directory = catalog_.directory();
        // Rows of flows are numbered by blocks in merged files; here they are one.
        const std::string rows = "FROM " + WriteEngine::name_of(entry.table) + "()";
        const std::string query =
            entry.table == Table::flows ? "SELECT *, 0::UINTEGER AS block " + rows : rows;
        if (auto failure = write_parquet(engine_.connection, query, directory.temporary_of(entry.name), {}))
            return failure;
        fault_point(FaultPoint::flush_rows);
        if (auto failure = directory.publish(entry.name)) return failure;
        std::error_code unknown;
        entry.bytes = std::filesystem::file_size(directory.path_of(entry.name), unknown);
        if (unknown) return directory.path_of(entry.name) + " cannot be measured: " + unknown.message();
        return {};
    }

    Catalog& catalog_;
    WriteEngine& engine_;
    std::vector<FileEntry> files_;
    Failure failure_;
};

}  // namespace picket::archive
