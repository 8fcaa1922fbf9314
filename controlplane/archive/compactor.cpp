#include "controlplane/archive/compactor.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>
#include <span>

#include "controlplane/archive/fault.h"
#include "controlplane/archive/merge_writer.h"

namespace picket::archive {

namespace {

constexpr std::uint64_t merge_memory_bytes = std::uint64_t{1} << 30;
constexpr std::uint64_t merged_rows_max = 64'000'000;
constexpr int priority_low = 15;
// After a merge that failed: intervals of upkeep at most, but as many times as long as it took.
constexpr unsigned merge_pause_max = 256;
constexpr unsigned merge_pause_share = 9;

void lower_own_priority() {
    // Of this thread alone: Linux keeps a nice value a thread.
    setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), priority_low);
}

std::uint64_t rows_of(std::span<const FilePointer> files) {
    std::uint64_t rows = 0;
    for (const auto& file : files) rows += file->entry().rows;
    return rows;
}

// The first files of at least two that end on one day (UTC), of which no more will come: empty if each has a
// day to itself. A file may begin long before: with the oldest flow that lives on.
std::vector<FilePointer> files_of_a_day(const std::vector<FilePointer>& files) {
    const auto day_of = [&](std::size_t at) { return midnight_before(files[at]->entry().last_ns); };
    for (std::size_t first = 0; first + files_a_merge <= files.size(); ++first) {
        std::size_t count = 1;
        while (count < files_a_merge && day_of(first + count) == day_of(first)) ++count;
        const auto begin = files.begin() + static_cast<std::ptrdiff_t>(first);
        if (count > 1) return {begin, begin + static_cast<std::ptrdiff_t>(count)};
    }
    return {};
}

}  // namespace

bool may_be_merged(const FileEntry& file) {
    return file.level < level_max && file.rows < merged_rows_max && !file.sources;
}

std::vector<FilePointer> files_to_merge(const std::vector<FilePointer>& files,
                                        std::uint64_t sorted_rows_max) {
    std::map<std::pair<unsigned, Table>, std::vector<FilePointer>> groups;
    for (const auto& file : files) {
        if (may_be_merged(file->entry())) groups[{file->entry().level, file->entry().table}].push_back(file);
    }
    for (auto& [key, group] : groups) {
        if (group.size() < files_a_merge) continue;
        // Names count up: the order in which rows came.
        std::sort(group.begin(), group.end(), [](const FilePointer& a, const FilePointer& b) {
            return a->entry().name < b->entry().name;
        });
        if (key.second == Table::flows && rows_of(std::span(group).first(files_a_merge)) > sorted_rows_max) {
            group = files_of_a_day(group);
            if (group.empty()) continue;
        } else {
            group.resize(files_a_merge);
        }
        return group;
    }
    return {};
}

std::vector<std::string> files_to_remove(const std::vector<FilePointer>& files, std::uint64_t oldest_ns,
                                         std::uint64_t bytes_max) {
    std::vector<FilePointer> by_age = files;
    std::stable_sort(by_age.begin(), by_age.end(), [](const FilePointer& a, const FilePointer& b) {
        return a->entry().last_ns < b->entry().last_ns;
    });
    std::uint64_t bytes = 0;
    for (const auto& file : files) bytes += file->entry().bytes;
    std::vector<std::string> names;
    std::uint64_t gone_ns = 0;
    for (const auto& file : by_age) {
        const FileEntry& entry = file->entry();
        const bool too_much = bytes_max > 0 && bytes > bytes_max;
        const bool of_one_merge = entry.sources && entry.last_ns == gone_ns;
        if (entry.last_ns >= oldest_ns && !too_much && !of_one_merge) {
            if (entry.last_ns == gone_ns) continue;  // of another table; a file of the merge may follow
            break;
        }
        names.push_back(entry.name);
        bytes -= entry.bytes;
        gone_ns = entry.last_ns;
    }
    return names;
}

Compactor::Compactor(const ArchiveSettings& settings, Catalog& catalog, detect::EventLog& events)
    : settings_(settings), catalog_(catalog), events_(events) {}

Compactor::~Compactor() {
    stop();
}

void Compactor::start() {
    thread_ = std::thread([this] { work(); });
}

void Compactor::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        if (running_ != nullptr) running_->interrupt();
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

bool Compactor::is_stopping() const {
    const std::lock_guard lock(mutex_);
    return stopping_;
}

void Compactor::work() {
    lower_own_priority();
    while (!is_stopping()) {
        Failure failure = remove_old();
        if (!failure && Clock::now() < next_merge_) {
            failure = merge_failure_;
        } else if (!failure) {
            const auto files = files_to_merge(catalog_.files(), settings_.sorted_rows_max);
            const auto begin = Clock::now();
            if (!files.empty()) failure = merge(files);
            put_off_merges(failure, Clock::now() - begin);
            if (!failure && !files.empty()) continue;
        }
        note(failure);
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, settings_.upkeep_interval, [this] { return stopping_; });
    }
}

// One that fails may have written for minutes before: the next ones wait longer and longer.
void Compactor::put_off_merges(const Failure& failure, Clock::duration taken) {
    merge_failure_ = failure;
    const std::chrono::milliseconds interval = settings_.upkeep_interval;
    merge_pause_ = failure ? std::clamp(merge_pause_ * 2, interval, interval * merge_pause_max)
                           : std::chrono::milliseconds(0);
    next_merge_ = Clock::now();
    if (failure) next_merge_ += std::max<Clock::duration>(merge_pause_, taken * merge_pause_share);
}

void Compactor::note(const Failure& failure) {
    const std::string trouble = failure.value_or("");
    if (!trouble.empty() && trouble != trouble_ && !is_stopping())
        events_.warn("archive", "small files of the archive cannot be merged: " + trouble);
    trouble_ = trouble;
}

Failure Compactor::merge(const std::vector<FilePointer>& files) {
    const std::uint64_t openings = catalog_.openings();
    std::set<std::string> parts;
    for (const auto& file : files) parts.insert(file->entry().name);
    std::vector<FileEntry> merged;
    Failure failure = write(files, merged);
    bool entered = false;
    if (!failure) {
        failure = catalog_.commit([&](Manifest& manifest) {
            const auto is_part = [&](const FileEntry& file) { return parts.contains(file.name); };
            const auto there = std::count_if(manifest.files.begin(), manifest.files.end(), is_part);
            // Fewer if the directory is another one by now. One that was opened anew may have its parts, but
            // the merged files were strangers to whoever opened it.
            if (static_cast<std::size_t>(there) != parts.size() || catalog_.openings() != openings) return;
            // In the place of the first one: the order of files is that in which their rows came.
            const auto first = std::find_if(manifest.files.begin(), manifest.files.end(), is_part);
            manifest.files.insert(first, merged.begin(), merged.end());
            std::erase_if(manifest.files, is_part);
            entered = true;
        });
    }
    if (!failure && entered) return {};
    fault_point(FaultPoint::discard_begun);
    for (const auto& entry : merged) {
        const std::string index = index_name(entry.name);
        for (const auto& name : {entry.name, index, sources_name(index)}) {
            catalog_.directory().forget(name);
            catalog_.discard(name);
        }
    }
    return failure;
}

Failure Compactor::write(const std::vector<FilePointer>& files, std::vector<FileEntry>& merged) {
    const Database database({1, merge_memory_bytes, catalog_.directory().path_of(spill_name)});
    Connection connection(database);
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return "picketd is leaving";
        running_ = &connection;
    }
    MergeWriter writer(catalog_, connection, settings_.sorted_rows_max, [this] { return is_stopping(); });
    const Failure failure = writer.write(files, merged);
    const std::lock_guard lock(mutex_);
    running_ = nullptr;
    return failure;
}

Failure Compactor::remove_old() {
    std::uint64_t oldest_ns = 0;
    if (settings_.retain_ns > 0 && !catalog_.manifest().replay)
        oldest_ns = detect::utc_now_ns() - settings_.retain_ns;
    const auto names = files_to_remove(catalog_.files(), oldest_ns, settings_.bytes_max);
    if (names.empty()) return {};
    const std::set<std::string> gone(names.begin(), names.end());
    return catalog_.commit([&](Manifest& manifest) {
        std::erase_if(manifest.files, [&](const FileEntry& file) {
            if (!gone.contains(file.name)) return false;
            manifest.horizon_ns = std::max(manifest.horizon_ns, file.last_ns);
            return true;
        });
    });
}

}  // namespace picket::archive
