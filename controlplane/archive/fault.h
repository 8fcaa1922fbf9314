// Points at which a test may end the process, one after each step that changes the archive's directory.
//
// Unarmed, which is ever but in tests, a point costs one relaxed load of a flag that nobody writes. Armed by
// arm_fault(), or by PICKET_FAULT=NAME:COUNT in the environment of picketd, the process gets SIGKILL the
// COUNT-th time that the point is reached ("any" counts them all). Thread-safe once armed; arming is for the
// time before threads are started.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace picket::archive {

enum class FaultPoint : std::uint8_t {
    open_made,         // the directory is made, and not locked
    open_locked,       // and the manifest is not read
    open_stranger,     // a file that no manifest names is removed
    file_made,         // a text's temporary is there, and empty
    file_written,      // and has its text
    file_synced,       // and is on disk, under its temporary name
    file_renamed,      // and has its own name
    file_published,    // and the directory is synced
    flush_begun,       // rows are sealed
    flush_rows,        // the temporary of a table is written
    flush_files,       // all files of the flush are published
    commit_begun,      // the next manifest is made
    commit_published,  // it is in place, and this process does not act on it yet
    commit_done,       // and does
    merge_begun,       // files to be merged are chosen
    merge_rows,        // the temporary of the merged file is written
    merge_published,   // it is published, and has no index yet
    merge_index,       // the temporary of the index is written
    merge_sources,     // the index is published, the temporary of its sources written
    merge_files,       // all are published
    removal_begun,     // a file that left the manifest is to be removed
    removal_half,      // it is, and its index is not
    removal_done,
    discard_begun,  // files of a flush or merge that failed are to be removed
};

inline constexpr std::array<std::string_view, 24> fault_names{
    "open.made",     "open.locked",     "open.stranger",    "file.made",     "file.written",
    "file.synced",   "file.renamed",    "file.published",   "flush.begun",   "flush.rows",
    "flush.files",   "commit.begun",    "commit.published", "commit.done",   "merge.begun",
    "merge.rows",    "merge.published", "merge.index",      "merge.sources", "merge.files",
    "removal.begun", "removal.half",    "removal.done",     "discard.begun"};
static_assert(fault_names.size() == static_cast<std::size_t>(FaultPoint::discard_begun) + 1,
              "each point has a name");

namespace fault {
inline std::atomic<bool> armed{false};
void reached(FaultPoint point) noexcept;
}  // namespace fault

// NAME:COUNT, with NAME of fault_names or "any" and COUNT from 1 on. Throws SetupError if it is not that.
void arm_fault(const std::string& fault);
// Does so by PICKET_FAULT; nothing if that is not set.
void arm_fault_from_environment();

inline void fault_point(FaultPoint point) noexcept {
    if (fault::armed.load(std::memory_order_relaxed)) [[unlikely]]
        fault::reached(point);
}

}  // namespace picket::archive
