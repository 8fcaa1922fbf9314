// The files of one flush, written one after the other and not entered in the manifest yet.
//
// Not thread-safe: the archive's thread makes one a flush.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "controlplane/archive/catalog.h"
#include "controlplane/archive/open_rows.h"
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

class FlushFiles {
  public:
    FlushFiles(Catalog& catalog, Connection& connection) : catalog_(catalog), connection_(connection) {}

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
        const std::string name(table_names[static_cast<std::size_t>(table)]);
        failure_ = fill_table(connection_, name, columns, view.chunks(),
                              [&](std::size_t i) { return view.chunk(i); });
        if (!failure_) failure_ = publish(name, files_.back());
        const Failure dropped = connection_.run("DROP TABLE IF EXISTS " + name);
        if (!failure_) failure_ = dropped;
    }

    void discard() {
        for (const auto& file : files_) {
            catalog_.directory().forget(file.name);
            catalog_.discard(file.name);
        }
    }

    [[nodiscard]] const std::vector<FileEntry>& files() const noexcept { return files_; }
    [[nodiscard]] const Failure& failure() const noexcept { return failure_; }

  private:
    Failure publish(const std::string& table, FileEntry& entry) {
        DurableDirectory& directory = catalog_.directory();
        directory.step("write rows");
        // Rows of flows are numbered by blocks in merged files; here they are one.
        const std::string query =
            entry.table == Table::flows ? "SELECT *, 0::UINTEGER AS block FROM flows" : "FROM " + table;
        if (auto failure = write_parquet(connection_, query, directory.temporary_of(entry.name), {}))
            return failure;
        if (auto failure = directory.publish(entry.name)) return failure;
        std::error_code unknown;
        entry.bytes = std::filesystem::file_size(directory.path_of(entry.name), unknown);
        return {};
    }

    Catalog& catalog_;
    Connection& connection_;
    std::vector<FileEntry> files_;
    Failure failure_;
};

}  // namespace picket::archive
