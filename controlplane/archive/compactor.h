// Merges small files into larger ones, and removes what is too old or too much.
//
// A thread of its own, of low priority, one job at a time; nobody waits for it but the disk. A merged file
// takes the place of its parts in one commit; flows may need several files (merge_writer.h).
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "controlplane/archive/archive.h"
#include "controlplane/archive/catalog.h"
#include "controlplane/archive/database.h"

namespace picket::archive {

inline constexpr std::size_t files_a_merge = 16;
inline constexpr unsigned level_max = 3;

// Files of ranges of sources stay as they are: a merge of theirs would be of all sources again.
[[nodiscard]] bool may_be_merged(const FileEntry& file);

// The oldest files of one table and level that are enough for a merge; empty if there are none. Flows that
// are too many to be sorted at once are of one day (UTC), so that questions about a time find it in few
// files.
[[nodiscard]] std::vector<FilePointer> files_to_merge(const std::vector<FilePointer>& files,
                                                      std::uint64_t sorted_rows_max);

// The names of files that are to go: those that end before `oldest_ns` (0: none), then the oldest until the
// others have at most bytes_max together (0: no bound). Files of one merge end together, and go together.
[[nodiscard]] std::vector<std::string> files_to_remove(const std::vector<FilePointer>& files,
                                                       std::uint64_t oldest_ns, std::uint64_t bytes_max);

class Compactor {
  public:
    // All outlive the compactor.
    Compactor(const ArchiveSettings& settings, Catalog& catalog, detect::EventLog& events);
    ~Compactor();

    void start();
    void stop();  // a job that runs is interrupted and leaves nothing

  private:
    using Clock = std::chrono::steady_clock;

    void work();
    [[nodiscard]] bool is_stopping() const;
    [[nodiscard]] Failure merge(const std::vector<FilePointer>& files);
    [[nodiscard]] Failure write(const std::vector<FilePointer>& files, std::vector<FileEntry>& merged);
    [[nodiscard]] Failure remove_old();
    void put_off_merges(const Failure& failure, Clock::duration taken);
    void note(const Failure& failure);

    const ArchiveSettings& settings_;
    Catalog& catalog_;
    detect::EventLog& events_;
    std::string trouble_;
    Failure merge_failure_;  // of the last merge
    std::chrono::milliseconds merge_pause_{0};
    Clock::time_point next_merge_;  // not before
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false;
    Connection* running_ = nullptr;
    std::thread thread_;
};

}  // namespace picket::archive
