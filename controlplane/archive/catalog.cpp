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

namespace picket::archive {

namespace {

constexpr std::string_view temporary_end = ".new";

// Is the name one that an archive gives to its files?
bool is_ours(const std::string& name) {
    if (name.ends_with(temporary_end) || name.starts_with("rules-") || name.starts_with("watch-"))
        return true;
    return std::any_of(table_names.begin(), table_names.end(),
                       [&](std::string_view table) { return name.starts_with(std::string(table) + "-"); });
}

}  // namespace

ArchiveFile::ArchiveFile(const std::string& directory, FileEntry entry)
    : entry_(std::move(entry)),
      path_(directory + "/" + entry_.name),
      index_path_(entry_.index.empty() ? "" : directory + "/" + entry_.index) {}

ArchiveFile::~ArchiveFile() {
    if (!removed_.load(std::memory_order_relaxed)) return;
    unlink(path_.c_str());
    if (!index_path_.empty()) unlink(index_path_.c_str());
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

Catalog::Catalog(Settings settings)
    : settings_(std::move(settings)), directory_(settings_.directory, settings_.before_step) {}

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

bool Catalog::is_gone() const {
    struct stat opened {};
    struct stat found {};
    if (fstat(lock_, &opened) != 0 || stat(directory_.path().c_str(), &found) != 0) return true;
    return opened.st_ino != found.st_ino || opened.st_dev != found.st_dev;
}

Failure Catalog::open(std::vector<std::string>& notes) {
    if (!settings_.read_only) {
        std::error_code failure;
        std::filesystem::create_directories(directory_.path(), failure);
        if (failure) return directory_.path() + " cannot be made: " + failure.message();
    }
    if (auto failure = lock()) return failure;
    return read(notes);
}

Failure Catalog::read(std::vector<std::string>& notes) {
    const std::string path = directory_.path_of(manifest_name);
    std::error_code absent;
    Manifest manifest;
    if (std::filesystem::exists(path, absent)) {
        std::string text;
        if (auto failure = read_text(path, text)) return failure;
        if (const auto wrong = parse_manifest(text, manifest); !wrong.empty())
            return path + " cannot be used: " + wrong;
    } else if (settings_.read_only) {
        return directory_.path() + " holds no archive: there is no " + manifest_name;
    } else {
        manifest.replay = settings_.replay;
    }
    std::erase_if(manifest.files, [&](const FileEntry& file) {
        if (std::filesystem::exists(directory_.path_of(file.name), absent)) return false;
        notes.push_back(file.name + " is missing: its " + std::to_string(file.rows) + " " +
                        std::string(table_names[static_cast<std::size_t>(file.table)]) + " are lost");
        return true;
    });
    if (!settings_.read_only) manifest.sensor = settings_.sensor;
    // Names of files that may still be in use are never given again.
    next_file_ = std::max<std::uint64_t>(next_file_, manifest.next_file);
    {
        const std::lock_guard lock(mutex_);
        take_over(std::move(manifest));
    }
    if (settings_.read_only) return {};
    remove_strangers(notes);
    return commit([](Manifest&) {});
}

// Files that a killed picketd had written and not entered yet, or left and not removed yet.
void Catalog::remove_strangers(std::vector<std::string>& notes) {
    std::set<std::string> known{manifest_name};
    for (const auto& file : manifest_.files) {
        known.insert(file.name);
        known.insert(file.index);
    }
    for (const auto& set : manifest_.rule_sets) known.insert(set.file);
    for (const auto& list : manifest_.watch_lists) known.insert(list.file);
    std::error_code failure;
    std::size_t removed = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path(), failure)) {
        const std::string name = entry.path().filename().string();
        if (known.contains(name) || !is_ours(name)) continue;
        directory_.step("remove stranger");
        if (unlink(entry.path().c_str()) == 0) ++removed;
    }
    if (removed > 0)
        notes.push_back(std::to_string(removed) + " unfinished files of an earlier picketd were removed");
}

void Catalog::take_over(Manifest manifest) {
    std::map<std::string, FilePointer> before;
    for (auto& file : files_) before.emplace(file->entry().name, std::move(file));
    files_.clear();
    for (const auto& entry : manifest.files) {
        const auto found = before.find(entry.name);
        if (found == before.end()) {
            files_.push_back(std::make_shared<ArchiveFile>(directory_.path(), entry));
        } else {
            files_.push_back(std::move(found->second));
            before.erase(found);
        }
    }
    for (const auto& [name, file] : before) file->remove_at_last();
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

Failure Catalog::commit(const std::function<void(Manifest&)>& change, const std::function<void()>& along) {
    const std::lock_guard committing(commit_mutex_);
    Manifest next = manifest();
    change(next);
    next.next_file = next_file_;
    if (auto failure = directory_.write(manifest_name, manifest_text(next))) {
        directory_.forget(manifest_name);
        return failure;
    }
    directory_.step("committed");
    const std::lock_guard lock(mutex_);
    take_over(std::move(next));
    if (along) along();
    return {};
}

void Catalog::discard(const std::string& name) {
    std::string text;
    Manifest on_disk;
    if (read_text(directory_.path_of(manifest_name), text) || !parse_manifest(text, on_disk).empty()) return;
    const bool named = std::any_of(on_disk.files.begin(), on_disk.files.end(),
                                   [&](const FileEntry& file) { return file.name == name; });
    if (!named) unlink(directory_.path_of(name).c_str());
}

}  // namespace picket::archive
