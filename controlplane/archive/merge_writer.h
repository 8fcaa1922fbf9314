// Writes the rows of some files of one table as fewer files: one, sorted and indexed if they are flows.
//
// Flows that are too many to be sorted at once become several files, each of a range of sources, so that all
// rows of a source lie together whatever the number of rows, and one index. Those that began before the day
// on which the files end have files of their own, so that a question about a day reads the flows of that day.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "controlplane/archive/catalog.h"
#include "controlplane/archive/database.h"
#include "controlplane/archive/fault.h"
#include "controlplane/archive/flow_index.h"
#include "controlplane/archive/source_ranges.h"
#include "controlplane/archive/table_io.h"

namespace picket::archive {

// When the day (UTC) began.
[[nodiscard]] constexpr std::uint64_t midnight_before(std::uint64_t time_ns) noexcept {
    constexpr std::uint64_t day_ns = std::uint64_t{24} * 3600 * 1'000'000'000;
    return time_ns - time_ns % day_ns;
}

class MergeWriter {
  public:
    // All outlive the writer. is_stopping: asked between statements.
    MergeWriter(Catalog& catalog, Connection& connection, std::uint64_t sorted_rows_max,
                std::function<bool()> is_stopping);

    // The files' rows, each once, in files that are published and not yet in the manifest. Whatever comes of
    // it, `merged` names all files that may be there.
    [[nodiscard]] Failure write(const std::vector<FilePointer>& files, std::vector<FileEntry>& merged);

  private:
    [[nodiscard]] Failure write_ranges(const std::string& list, const FileEntry& whole,
                                       std::vector<FileEntry>& merged);
    // Of the rows that fulfil the condition.
    [[nodiscard]] Failure write_ranges_of(const std::string& list, const std::string& condition,
                                          const FileEntry& whole, std::vector<FileEntry>& merged);
    // The file has what the query yields.
    [[nodiscard]] Failure write_file(const std::string& query, FileEntry& entry);
    // Of the rows that the query yields.
    [[nodiscard]] Failure write_index(const std::function<std::string(End)>& query, FileEntry& entry);
    [[nodiscard]] Failure write_index_of_merge(std::vector<FileEntry>& merged);
    [[nodiscard]] Failure publish(const std::string& query, const std::string& name,
                                  const ParquetSettings& settings, FaultPoint written);
    [[nodiscard]] Failure add_size(const std::string& name, std::uint64_t& bytes);
    [[nodiscard]] Failure count_rows(FileEntry& entry);

    Catalog& catalog_;
    Connection& connection_;
    std::uint64_t sorted_rows_max_;
    std::function<bool()> is_stopping_;
};

}  // namespace picket::archive
