// Files that are there as a whole after any crash, or not at all: written aside, synced, renamed, and the
// directory synced.
//
// Not thread-safe. Failures are sentences.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "controlplane/archive/database.h"

namespace picket::archive {

// Told before each step that changes the disk. Tests end the process there.
using BeforeStep = std::function<void(const char* step)>;

class DurableDirectory {
  public:
    DurableDirectory(std::string path, BeforeStep before_step)
        : path_(std::move(path)), before_step_(std::move(before_step)) {}

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] std::string path_of(const std::string& name) const { return path_ + "/" + name; }
    // Where a file of that name is written before it is published.
    [[nodiscard]] std::string temporary_of(const std::string& name) const { return path_of(name) + ".new"; }

    // Makes what was written to temporary_of(name) the file of that name.
    [[nodiscard]] Failure publish(const std::string& name);
    [[nodiscard]] Failure write(const std::string& name, std::string_view text);
    // Removes what is there of an unpublished file.
    void forget(const std::string& name);

    // For writers of temporaries that are not ours.
    void step(const char* what) const {
        if (before_step_) before_step_(what);
    }

  private:
    std::string path_;
    BeforeStep before_step_;
};

// The whole file, or why not.
[[nodiscard]] Failure read_text(const std::string& path, std::string& text);

}  // namespace picket::archive
