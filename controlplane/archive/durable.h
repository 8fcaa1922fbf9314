// Files that are there as a whole after any crash, or not at all: written aside, synced, renamed, and the
// directory synced.
//
// What is published, written or removed is so in the directory that was opened, whatever has come to its path
// since: an archive that was moved away is never mixed with the one that took its place.
// Thread-safe, one writer a name. Failures are sentences.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "controlplane/archive/database.h"

namespace picket::archive {

inline constexpr const char* temporary_end = ".new";

// A directory, independent of its path. No lock.
class DirectoryHandle {
  public:
    explicit DirectoryHandle(int descriptor) : descriptor_(descriptor) {}
    ~DirectoryHandle();
    DirectoryHandle(const DirectoryHandle&) = delete;
    DirectoryHandle& operator=(const DirectoryHandle&) = delete;
    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
    void remove(const std::string& name) const noexcept;

  private:
    int descriptor_;
};

class DurableDirectory {
  public:
    explicit DurableDirectory(std::string path) : path_(std::move(path)) {}

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] std::string path_of(const std::string& name) const { return path_ + "/" + name; }
    // Where a file of that name is written before it is published.
    [[nodiscard]] std::string temporary_of(const std::string& name) const {
        return path_of(name) + temporary_end;
    }

    // Makes the directory and those above it, if need be, so that they outlive the machine's end.
    [[nodiscard]] Failure make() const;
    // Whatever is at the path now is the directory that is meant from now on.
    [[nodiscard]] Failure open();
    // What was opened; nullptr before.
    [[nodiscard]] std::shared_ptr<const DirectoryHandle> handle() const {
        const std::lock_guard lock(mutex_);
        return handle_;
    }
    // Is another one at its path by now, or none?
    [[nodiscard]] bool is_gone() const;

    // Makes what was written to temporary_of(name) the file of that name.
    [[nodiscard]] Failure publish(const std::string& name);
    [[nodiscard]] Failure write(const std::string& name, std::string_view text);
    // Removes what is there of an unpublished file.
    void forget(const std::string& name);

  private:
    std::string path_;
    mutable std::mutex mutex_;
    std::shared_ptr<const DirectoryHandle> handle_;
};

// The whole file, or why not.
[[nodiscard]] Failure read_text(const std::string& path, std::string& text);

}  // namespace picket::archive
