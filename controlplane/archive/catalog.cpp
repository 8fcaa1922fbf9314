#include "controlplane/archive/catalog.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>

#include "controlplane/archive/fault.h"

namespace picket::archive {

namespace {

constexpr const char* damaged_end = ".damaged";

bool holds_rows(const std::string& name) {
    return std::any_of(table_names.begin(), table_names.end(),
                       [&](std::string_view table) { return name.starts_with(std::string(table) + "-"); });
}

// Is the name one that an archive gives to its files?
bool is_ours(const std::string& name) {
    if (name.ends_with(damaged_end)) return false;
    return name.ends_with(temporary_end) || name.starts_with("rules-") || name.starts_with("watch-") ||
           holds_rows(name);
}

struct Extent {
    bool there = false;
    std::uint64_t bytes = 0;
};

// False, and errno says why, if it can be neither seen nor said to be missing.
bool look_at(const std::string& path, Extent& extent) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) return errno == ENOENT;
    extent = {true, static_cast<std::uint64_t>(status.st_size)};
    return true;
}

Failure unknown(const std::string& path) {
    return path + " cannot be looked at: " + std::strerror(errno);
}

std::string path_of_index(const std::string& directory, const FileEntry& entry) {
    const std::string& name = entry.merge_index.empty() ? entry.index : entry.merge_index;
    return name.empty() ? name : directory + "/" + name;
}

// The index of a merge comes and goes with one of its files.
void forget_lost_indexes(std::vector<FileEntry>& files, std::vector<std::string>& notes) {
    std::set<std::string> there;
    for (const FileEntry& file : files) there.insert(file.index);
    std::map<std::string, std::size_t> lost;
    for (FileEntry& file : files) {
        if (there.contains(file.merge_index)) continue;
        ++lost[file.merge_index];
        file.merge_index.clear();
        file.amounts = file.amounts && !file.index.empty();
    }
    lost.erase("");
    for (const auto& [name, count] : lost) {
        notes.push_back(name + " is missing, or what it came with: questions about addresses read all of " +
                        std::to_string(count) + " files");
    }
}

}  // namespace

ArchiveFile::ArchiveFile(const std::string& path, FileEntry entry,
                         std::shared_ptr<const DirectoryHandle> directory)
    : entry_(std::move(entry)),
      path_(path + "/" + entry_.name),
      index_path_(path_of_index(path, entry_)),
      directory_(std::move(directory)) {}

ArchiveFile::~ArchiveFile() {
    if (!removed_.load(std::memory_order_relaxed) || !directory_) return;
    fault_point(FaultPoint::removal_begun);
    directory_->remove(entry_.name);
    fault_point(FaultPoint::removal_half);
    for (const auto& name : index_files(entry_)) directory_->remove(name);
    fault_point(FaultPoint::removal_done);
}

std::string file_list(const std::vector<FilePointer>& files, Table table,
                      std::optional<std::uint64_t> since_ns, std::optional<std::uint64_t> until_ns) {
    std::string list;
    for (const auto& file : files) {
        if (file->entry().table != table || !file->overlaps(since_ns, until_ns)) continue;
        list += (list.empty() ? "" : ", ") + quoted(file->path());
    }
    return list.empty() ? list : "[" + list + "]";
}

Catalog::Catalog(Settings settings) : settings_(std::move(settings)), directory_(settings_.directory) {}

Catalog::~Catalog() {
    if (lock_ >= 0) close(lock_);
}

Failure Catalog::lock() {
    const std::string& path = directory_.path();
    if (lock_ >= 0) close(lock_);
    lock_ = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock_ < 0) return path + " cannot be opened: " + std::strerror(errno);
    if (flock(lock_, (settings_.read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0) return {};
    const int code = errno;
    close(lock_);
    lock_ = -1;
    if (code != EWOULDBLOCK) return path + " cannot be locked: " + std::strerror(code);
    return path + (settings_.read_only ? " is in use: a picketd writes to it, which can be asked instead"
                                       : " is in use: another picketd writes to it or reads it");
}

Failure Catalog::open(Findings& findings) {
    if (!settings_.read_only) {
        if (auto failure = directory_.make()) return failure;
        fault_point(FaultPoint::open_made);
    }
    const std::lock_guard committing(commit_mutex_);
    if (auto failure = lock()) return failure;
    if (auto failure = directory_.open()) return failure;
    ++openings_;
    fault_point(FaultPoint::open_locked);
    return read(findings);
}

Failure Catalog::read_manifest(Manifest& manifest) const {
    const std::string path = directory_.path_of(manifest_name);
    Extent found;
    if (!look_at(path, found)) return unknown(path);
    if (found.there) {
        std::string text;
        if (auto failure = read_text(path, text)) return failure;
        if (const auto wrong = parse_manifest(text, manifest); !wrong.empty())
            return path + " cannot be used: " + wrong;
        return {};
    }
    if (settings_.read_only) return directory_.path() + " holds no archive: there is no " + manifest_name;
    // A manifest comes before all files: one was here, and they would all be strangers to a new one.
    std::error_code failure;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path(), failure)) {
        const std::string name = entry.path().filename().string();
        if (!holds_rows(name) || !is_ours(name) || name.ends_with(temporary_end)) continue;
        return path + " is missing, but " + name +
               " is there: restore the manifest, or move the files of the archive away";
    }
    if (failure) return directory_.path() + " cannot be read: " + failure.message();
    manifest.replay = settings_.replay;
    return {};
}

Failure Catalog::leave_out_lost(Manifest& manifest, Findings& findings) const {
    std::vector<FileEntry> kept;
    for (FileEntry& file : manifest.files) {
        Extent rows;
        if (!look_at(directory_.path_of(file.name), rows)) return unknown(directory_.path_of(file.name));
        std::uint64_t index_bytes = 0;
        std::string missing;
        for (const auto& name : index_files(file)) {
            Extent index;
            if (!look_at(directory_.path_of(name), index)) return unknown(directory_.path_of(name));
            index_bytes += index.bytes;
            if (!index.there && missing.empty()) missing = name;
        }
        if (!missing.empty()) {
            if (file.merge_index.empty()) {
                findings.notes.push_back(missing + " is missing: questions about addresses read all of " +
                                         file.name);
            }
            file.index.clear();
            file.amounts = file.amounts && !file.merge_index.empty();
            file.bytes = rows.bytes;  // from now on
            index_bytes = 0;
        }
        if (rows.there && rows.bytes + index_bytes == file.bytes) {
            kept.push_back(file);
            continue;
        }
        if (rows.there) set_aside(file.name);
        findings.notes.push_back(
            file.name + (rows.there ? " is damaged" : " is missing") + ": its " + std::to_string(file.rows) +
            " " + std::string(table_names[static_cast<std::size_t>(file.table)]) + " are lost");
        findings.lost.push_back(file);
    }
    forget_lost_indexes(kept, findings.notes);
    manifest.files = std::move(kept);
    return {};
}

// For whoever may repair it.
void Catalog::set_aside(const std::string& name) const {
    if (settings_.read_only) return;
    const auto handle = directory_.handle();
    renameat(handle->descriptor(), name.c_str(), handle->descriptor(), (name + damaged_end).c_str());
}

Failure Catalog::read(Findings& findings) {
    Manifest manifest;
    if (auto failure = read_manifest(manifest)) return failure;
    if (auto failure = leave_out_lost(manifest, findings)) return failure;
    if (!settings_.read_only) {
        manifest.sensor = settings_.sensor;
        manifest.schema = schema_version;  // an older picketd must not take what is written from now on
    }
    // Names of files that may still be in use are never given again.
    next_file_ = std::max<std::uint64_t>(next_file_, manifest.next_file);
    {
        const std::lock_guard lock(mutex_);
        // What was open before may have been another directory, which keeps its files.
        take_over(std::move(manifest), false);
    }
    if (settings_.read_only) return {};
    remove_strangers(findings.notes);
    remove_spilled();
    return commit_locked([](Manifest&) {}, {});
}

// Files that a killed picketd had written and not entered yet, or left and not removed yet.
void Catalog::remove_strangers(std::vector<std::string>& notes) {
    std::set<std::string> known{manifest_name};
    for (const auto& file : manifest_.files) {
        known.insert(file.name);
        for (const auto& name : index_files(file)) known.insert(name);
    }
    for (const auto& set : manifest_.rule_sets) known.insert(set.file);
    for (const auto& list : manifest_.watch_lists) known.insert(list.file);
    std::error_code failure;
    std::vector<std::string> strangers;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path(), failure)) {
        const std::string name = entry.path().filename().string();
        if (!known.contains(name) && is_ours(name)) strangers.push_back(name);
    }
    for (const auto& name : strangers) {
        directory_.handle()->remove(name);
        fault_point(FaultPoint::open_stranger);
    }
    if (!strangers.empty())
        notes.push_back(std::to_string(strangers.size()) +
                        " unfinished files of an earlier picketd were removed");
}

// What the engine had set aside for a merge that was cut off.
void Catalog::remove_spilled() {
    std::error_code failure;
    const std::filesystem::path spill = directory_.path_of(spill_name);
    for (const auto& entry : std::filesystem::directory_iterator(spill, failure)) {
        if (entry.path().filename().string().starts_with("duckdb_temp"))
            std::filesystem::remove(entry.path(), failure);
    }
    if (std::filesystem::is_directory(std::filesystem::symlink_status(spill, failure)))
        std::filesystem::remove(spill, failure);  // if nothing else is there
}

void Catalog::take_over(Manifest manifest, bool remove) {
    std::map<std::string, FilePointer> before;
    for (auto& file : files_) before.emplace(file->entry().name, std::move(file));
    files_.clear();
    for (const auto& entry : manifest.files) {
        const auto found = remove ? before.find(entry.name) : before.end();
        if (found == before.end()) {
            files_.push_back(std::make_shared<ArchiveFile>(directory_.path(), entry, directory_.handle()));
        } else {
            files_.push_back(std::move(found->second));
            before.erase(found);
        }
    }
    for (const auto& [name, file] : before) {
        if (remove) file->remove_at_last();
    }
    manifest_ = std::move(manifest);
}

Manifest Catalog::manifest() const {
    const std::lock_guard lock(mutex_);
    return manifest_;
}

std::vector<FilePointer> Catalog::files() const {
    return files([] {});
}

std::vector<FilePointer> Catalog::files(const std::function<void()>& take) const {
    const std::lock_guard lock(mutex_);
    take();
    return files_;
}

std::string Catalog::next_name(Table table, unsigned level) {
    std::string number = std::to_string(next_file_.fetch_add(1));
    constexpr std::size_t digits = 8;
    if (number.size() < digits) number.insert(0, digits - number.size(), '0');
    return std::string(table_names[static_cast<std::size_t>(table)]) + "-" + std::to_string(level) + "-" +
           number + ".parquet";
}

Failure Catalog::gone() const {
    if (!is_gone()) return {};
    return directory_.path() + " is not the directory any more that it was";
}

Failure Catalog::commit(const std::function<void(Manifest&)>& change, const std::function<void()>& along) {
    const std::lock_guard committing(commit_mutex_);
    return commit_locked(change, along);
}

Failure Catalog::commit_locked(const std::function<void(Manifest&)>& change,
                               const std::function<void()>& along) {
    if (auto failure = gone()) return failure;
    Manifest next = manifest();
    change(next);
    next.next_file = next_file_;
    fault_point(FaultPoint::commit_begun);
    if (auto failure = directory_.write(manifest_name, manifest_text(next))) {
        directory_.forget(manifest_name);
        return failure;
    }
    fault_point(FaultPoint::commit_published);
    {
        const std::lock_guard lock(mutex_);
        take_over(std::move(next), true);
        if (along) along();
    }
    fault_point(FaultPoint::commit_done);
    return {};
}

Failure Catalog::keep_text(const std::string& name, std::string_view text) {
    const std::lock_guard committing(commit_mutex_);
    if (auto failure = gone()) return failure;
    return directory_.write(name, text);
}

void Catalog::discard(const std::string& name) {
    std::string text;
    Manifest on_disk;
    if (is_gone() || read_text(directory_.path_of(manifest_name), text) ||
        !parse_manifest(text, on_disk).empty())
        return;
    const bool named = std::any_of(on_disk.files.begin(), on_disk.files.end(), [&](const FileEntry& file) {
        const auto others = index_files(file);
        return file.name == name || std::find(others.begin(), others.end(), name) != others.end();
    });
    if (!named) directory_.handle()->remove(name);
}

}  // namespace picket::archive
