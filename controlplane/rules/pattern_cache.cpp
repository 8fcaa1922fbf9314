#include "controlplane/rules/pattern_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

namespace picket::rules {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t entry_magic = 0x3145484341435250;  // "PRCACHE1"
constexpr std::string_view entry_suffix = ".patterns";
constexpr std::string_view unfinished_suffix = ".unfinished";
constexpr std::time_t unfinished_age_s = 3600;  // of a writer that has died

struct EntryHeader {
    std::uint64_t magic = entry_magic;
    std::uint64_t size = 0;  // of what follows
    ContentKey key;
    ContentKey checksum;  // of what follows
};
static_assert(sizeof(EntryHeader) == 80);

class File {
  public:
    explicit File(int descriptor) : descriptor_(descriptor) {}
    ~File() {
        if (descriptor_ >= 0) close(descriptor_);
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    [[nodiscard]] int get() const { return descriptor_; }
    [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }

  private:
    int descriptor_;
};

ContentKey key_of(std::span<const std::byte> bytes) {
    ContentHasher hasher;
    hasher.add(bytes);
    return hasher.finish();
}

// Nobody but this user (and root) can have written it.
bool is_ours(const struct stat& found) {
    return (found.st_uid == geteuid() || found.st_uid == 0) && (found.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

bool read_exactly(int file, void* to, std::size_t size) {
    auto* at = static_cast<char*>(to);
    while (size > 0) {
        const ssize_t got = read(file, at, size);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        at += got;
        size -= static_cast<std::size_t>(got);
    }
    return true;
}

bool write_exactly(int file, const void* from, std::size_t size) {
    const auto* at = static_cast<const char*>(from);
    while (size > 0) {
        const ssize_t put = write(file, at, size);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        at += put;
        size -= static_cast<std::size_t>(put);
    }
    return true;
}

// The payload, if the file is whole and what its name says.
std::optional<std::vector<std::byte>> read_entry(int file, const ContentKey& key, const struct stat& found) {
    EntryHeader header;
    const auto size = static_cast<std::uint64_t>(found.st_size);
    if (size < sizeof header || !read_exactly(file, &header, sizeof header) || header.magic != entry_magic ||
        header.key != key || header.size != size - sizeof header) {
        return std::nullopt;
    }
    std::vector<std::byte> bytes(header.size);
    if (!read_exactly(file, bytes.data(), bytes.size()) || key_of(bytes) != header.checksum) {
        return std::nullopt;
    }
    return bytes;
}

struct Entry {
    std::string path;
    std::uint64_t size = 0;
    timespec used{};
};

// Of the entries; files that a dead writer has left are removed.
std::vector<Entry> list_entries(const std::string& directory) {
    std::vector<Entry> entries;
    const std::unique_ptr<DIR, int (*)(DIR*)> listing(opendir(directory.c_str()), &closedir);
    if (!listing) return entries;
    while (const dirent* found = readdir(listing.get())) {
        const std::string_view name = found->d_name;
        const std::string path = directory + "/" + std::string(name);
        struct stat about {};
        if ((!name.ends_with(entry_suffix) && !name.ends_with(unfinished_suffix)) ||
            lstat(path.c_str(), &about) != 0 || !S_ISREG(about.st_mode)) {
            continue;
        }
        if (name.ends_with(entry_suffix)) {
            entries.push_back({path, static_cast<std::uint64_t>(about.st_size), about.st_mtim});
        } else if (about.st_mtim.tv_sec + unfinished_age_s < std::time(nullptr)) {
            unlink(path.c_str());
        }
    }
    return entries;
}

}  // namespace

PatternCache::PatternCache(std::string directory, std::uint64_t bytes_max)
    : directory_(std::move(directory)), bytes_max_(bytes_max), given_up_(directory_.empty()) {}

void PatternCache::note(const std::string& sentence) {
    notes_.push_back("rule cache " + directory_ + ": " + sentence);
}

std::vector<std::string> PatternCache::take_notes() {
    return std::exchange(notes_, {});
}

// make: if it is not there. False, and no more attempts, if it cannot be used.
bool PatternCache::open_directory(bool make) {
    if (given_up_) return false;
    struct stat found {};
    if (stat(directory_.c_str(), &found) != 0) {
        if (!make) return false;
        std::error_code failure;
        fs::create_directories(fs::path(directory_).parent_path(), failure);
        if (mkdir(directory_.c_str(), 0700) != 0 && errno != EEXIST) {
            note(std::string("cannot be made: ") + std::strerror(errno) +
                 "; rules are compiled anew at each start (rules.cache names another directory, or \"off\")");
            given_up_ = true;
            return false;
        }
        if (stat(directory_.c_str(), &found) != 0) return false;
    }
    if (!S_ISDIR(found.st_mode) || !is_ours(found)) {
        note("is not used, because others than this user may write to it; make it this user's, mode 0700");
        given_up_ = true;
        return false;
    }
    return true;
}

std::optional<std::vector<std::byte>> PatternCache::find(const ContentKey& key) {
    if (!open_directory(false)) return std::nullopt;
    const std::string path = directory_ + "/" + hex_of(key) + std::string(entry_suffix);
    // Neither a link to elsewhere is followed nor is a pipe waited for.
    const File file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (!file.is_open() && errno == ENOENT) return std::nullopt;
    struct stat found {};
    if (!file.is_open() || fstat(file.get(), &found) != 0 || !S_ISREG(found.st_mode) || !is_ours(found)) {
        note(hex_of(key) + " is not a file of this user; it is not used");
        return std::nullopt;
    }
    auto bytes = read_entry(file.get(), key, found);
    if (!bytes) {
        note(hex_of(key) + " is damaged; it is compiled anew");
        return std::nullopt;
    }
    futimens(file.get(), nullptr);  // used now
    return bytes;
}

void PatternCache::keep(const ContentKey& key, std::span<const std::byte> bytes) {
    if (!open_directory(true) || sizeof(EntryHeader) + bytes.size() > bytes_max_) return;
    const std::string path = directory_ + "/" + hex_of(key) + std::string(entry_suffix);
    std::string unfinished = directory_ + "/XXXXXX" + std::string(unfinished_suffix);
    const File file(mkostemps(unfinished.data(), static_cast<int>(unfinished_suffix.size()), O_CLOEXEC));
    EntryHeader header;
    header.size = bytes.size();
    header.key = key;
    header.checksum = key_of(bytes);
    const bool written = file.is_open() && write_exactly(file.get(), &header, sizeof header) &&
                         write_exactly(file.get(), bytes.data(), bytes.size()) &&
                         rename(unfinished.c_str(), path.c_str()) == 0;
    if (!written) {
        note(std::string("cannot be written: ") + std::strerror(errno) +
             "; rules are compiled anew at each start (rules.cache names another directory, or \"off\")");
        if (file.is_open()) unlink(unfinished.c_str());
        given_up_ = true;
        return;
    }
    shrink();
}

void PatternCache::shrink() {
    std::vector<Entry> entries = list_entries(directory_);
    std::uint64_t bytes = 0;
    for (const Entry& entry : entries) bytes += entry.size;
    std::ranges::sort(entries, [](const Entry& a, const Entry& b) {
        return a.used.tv_sec != b.used.tv_sec ? a.used.tv_sec < b.used.tv_sec
                                              : a.used.tv_nsec < b.used.tv_nsec;
    });
    for (const Entry& entry : entries) {
        if (bytes <= bytes_max_) return;
        unlink(entry.path.c_str());
        bytes -= entry.size;
    }
}

std::string default_cache_directory() {
    const auto named = [](const char* variable) {
        const char* value = std::getenv(variable);
        return std::string(value != nullptr && value[0] == '/' ? value : "");
    };
    if (const std::string given = named("CACHE_DIRECTORY"); !given.empty()) {
        return given.substr(0, given.find(':'));  // systemd lists several with ':'
    }
    if (geteuid() == 0) return "/var/cache/picket";
    if (const std::string cache = named("XDG_CACHE_HOME"); !cache.empty()) return cache + "/picket";
    const std::string home = named("HOME");
    return home.empty() ? "" : home + "/.cache/picket";
}

}  // namespace picket::rules
