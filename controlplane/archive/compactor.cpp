#include "controlplane/archive/compactor.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "controlplane/archive/fault.h"
#include "controlplane/archive/flow_index.h"
#include "controlplane/archive/table_io.h"

namespace picket::archive {

namespace {

constexpr std::uint64_t merge_memory_bytes = std::uint64_t{1} << 30;
// More are concatenated: their parts are sorted already.
constexpr std::uint64_t sorted_rows_max = 4'000'000;
constexpr std::uint64_t merged_rows_max = 64'000'000;
constexpr int priority_low = 15;
constexpr ParquetSettings merged_settings{"zstd", 122'880};

void lower_own_priority() {
    // Of this thread alone: Linux keeps a nice value a thread.
    setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), priority_low);
}

}  // namespace

std::vector<FilePointer> files_to_merge(const std::vector<FilePointer>& files) {
    std::map<std::pair<unsigned, Table>, std::vector<FilePointer>> groups;
    for (const auto& file : files) {
        if (file->entry().level < level_max && file->entry().rows < merged_rows_max)
            groups[{file->entry().level, file->entry().table}].push_back(file);
    }
    for (auto& [key, group] : groups) {
        if (group.size() < files_a_merge) continue;
        // Names count up: the order in which rows came.
        std::sort(group.begin(), group.end(), [](const FilePointer& a, const FilePointer& b) {
            return a->entry().name < b->entry().name;
        });
        group.resize(files_a_merge);
        return group;
    }
    return {};
}

std::vector<std::string> files_to_remove(const std::vector<FilePointer>& files, std::uint64_t oldest_ns,
                                         std::uint64_t bytes_max) {
    std::vector<FilePointer> by_age = files;
    std::sort(by_age.begin(), by_age.end(), [](const FilePointer& a, const FilePointer& b) {
        return a->entry().last_ns < b->entry().last_ns;
    });
    std::uint64_t bytes = 0;
    for (const auto& file : files) bytes += file->entry().bytes;
    std::vector<std::string> names;
    for (const auto& file : by_age) {
        const bool too_much = bytes_max > 0 && bytes > bytes_max;
        if (file->entry().last_ns >= oldest_ns && !too_much) break;
        names.push_back(file->entry().name);
        bytes -= file->entry().bytes;
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
        if (!failure) {
            if (const auto files = files_to_merge(catalog_.files()); !files.empty()) {
                failure = merge(files);
                if (!failure) continue;
            }
        }
        note(failure);
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, settings_.upkeep_interval, [this] { return stopping_; });
    }
}

void Compactor::note(const Failure& failure) {
    const std::string trouble = failure.value_or("");
    if (!trouble.empty() && trouble != trouble_ && !is_stopping())
        events_.warn("archive", "small files of the archive cannot be merged: " + trouble);
    trouble_ = trouble;
}

Failure Compactor::merge(const std::vector<FilePointer>& files) {
    const std::uint64_t openings = catalog_.openings();
    FileEntry entry;
    entry.table = files.front()->entry().table;
    entry.level = files.front()->entry().level + 1;
    entry.name = catalog_.next_name(entry.table, entry.level);
    entry.first_ns = UINT64_MAX;
    std::set<std::string> parts;
    for (const auto& file : files) {
        entry.rows += file->entry().rows;
        entry.first_ns = std::min(entry.first_ns, file->entry().first_ns);
        entry.last_ns = std::max(entry.last_ns, file->entry().last_ns);
        parts.insert(file->entry().name);
    }
    Failure failure = write(files, entry);
    bool entered = false;
    if (!failure) {
        failure = catalog_.commit([&](Manifest& manifest) {
            const auto is_part = [&](const FileEntry& file) { return parts.contains(file.name); };
            const auto there = std::count_if(manifest.files.begin(), manifest.files.end(), is_part);
            // Fewer if the directory is another one by now. One that was opened anew may have its parts, but
            // the merged file was a stranger to whoever opened it.
            if (static_cast<std::size_t>(there) != parts.size() || catalog_.openings() != openings) return;
            // In the place of the first one: the order of files is that in which their rows came.
            *std::find_if(manifest.files.begin(), manifest.files.end(), is_part) = entry;
            std::erase_if(manifest.files, is_part);
            entered = true;
        });
    }
    if (!failure && entered) return {};
    fault_point(FaultPoint::discard_begun);
    for (const auto& name : {entry.name, index_name(entry.name)}) {
        catalog_.directory().forget(name);
        catalog_.discard(name);
    }
    return failure;
}

Failure Compactor::write(const std::vector<FilePointer>& files, FileEntry& entry) {
    const Database database({1, merge_memory_bytes, catalog_.directory().path_of(spill_name)});
    Connection connection(database);
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return "picketd is leaving";
        running_ = &connection;
    }
    DurableDirectory& directory = catalog_.directory();
    const bool flows = entry.table == Table::flows;
    const std::string list = file_list(files, entry.table, {}, {});
    const std::string query =
        flows ? merged_flows(list, entry.rows <= sorted_rows_max, merged_settings.row_group_rows)
              : "FROM read_parquet(" + list + ")";
    fault_point(FaultPoint::merge_begun);
    Failure failure = write_parquet(connection, query, directory.temporary_of(entry.name), merged_settings);
    fault_point(FaultPoint::merge_rows);
    if (!failure) failure = directory.publish(entry.name);
    if (!failure && flows) {
        fault_point(FaultPoint::merge_published);
        entry.index = index_name(entry.name);
        failure = write_parquet(connection, index_of(directory.path_of(entry.name)),
                                directory.temporary_of(entry.index), merged_settings);
        fault_point(FaultPoint::merge_index);
        if (!failure) failure = directory.publish(entry.index);
    }
    fault_point(FaultPoint::merge_files);
    const std::lock_guard lock(mutex_);
    running_ = nullptr;
    if (failure) return failure;
    std::error_code unknown;
    entry.bytes = std::filesystem::file_size(directory.path_of(entry.name), unknown);
    if (!unknown && !entry.index.empty())
        entry.bytes += std::filesystem::file_size(directory.path_of(entry.index), unknown);
    if (unknown) return directory.path_of(entry.name) + " cannot be measured: " + unknown.message();
    return {};
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
