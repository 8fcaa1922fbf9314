// The files of an archive's directory and the manifest that names them.
//
// One picketd writes to a directory, or any number read it: the directory itself is locked (flock). Changes
// are committed one after the other, each by a manifest that replaces the last one as a whole; whoever has
// taken files before keeps them until he is done. Thread-safe after open().
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/archive/durable.h"
#include "controlplane/archive/manifest.h"

namespace picket::archive {

// Where the engine sets aside what is too much for its memory, within the archive's directory.
inline constexpr const char* spill_name = "spill";

// Leaves the disk with its last user once it is no longer part of the archive.
class ArchiveFile {
  public:
    // directory: where it is removed from; nullptr: nowhere.
    ArchiveFile(const std::string& path, FileEntry entry,
                std::shared_ptr<const DirectoryHandle> directory = {});
    ~ArchiveFile();
    ArchiveFile(const ArchiveFile&) = delete;
    ArchiveFile& operator=(const ArchiveFile&) = delete;

    [[nodiscard]] const FileEntry& entry() const noexcept { return entry_; }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    // Of the index that tells its addresses, which may have come with another file of its merge, and of the
    // one that adds up its sources (the same one in older archives); empty: none.
    [[nodiscard]] const std::string& index_path() const noexcept { return index_path_; }
    [[nodiscard]] std::string sources_path() const {
        if (!entry_.amounts) return {};
        return entry_.sources_apart ? sources_name(index_path_) : index_path_;
    }
    [[nodiscard]] bool overlaps(std::optional<std::uint64_t> since_ns,
                                std::optional<std::uint64_t> until_ns) const noexcept {
        return (!since_ns || entry_.last_ns >= *since_ns) && (!until_ns || entry_.first_ns < *until_ns);
    }
    void remove_at_last() noexcept { removed_.store(true, std::memory_order_relaxed); }

  private:
    FileEntry entry_;
    std::string path_;
    std::string index_path_;
    std::shared_ptr<const DirectoryHandle> directory_;
    std::atomic<bool> removed_{false};
};

using FilePointer = std::shared_ptr<ArchiveFile>;

// The files of a table that overlap the interval, as SQL names them in read_parquet(); empty: there are none.
[[nodiscard]] std::string file_list(const std::vector<FilePointer>& files, Table table,
                                    std::optional<std::uint64_t> since_ns,
                                    std::optional<std::uint64_t> until_ns);

// What was found of an archive that was opened.
struct Findings {
    std::vector<std::string> notes;  // sentences
    std::vector<FileEntry> lost;     // files that the manifest named, and that are missing or cut
};

class Catalog {
  public:
    struct Settings {
        std::string directory;
        std::string sensor;
        bool replay = false;
        bool read_only = false;
    };
    explicit Catalog(Settings settings);
    ~Catalog();

    // Locks and reads the directory; a writer makes it if need be and removes what its manifest does not
    // name. May be tried again after a failure. Files of an archive whose manifest is lost are a failure:
    // nothing is removed. A file that has not the length it was entered with is set aside as NAME.damaged.
    [[nodiscard]] Failure open(Findings& findings);

    // Is the directory that was opened no longer at its path? Then open() finds what is there now.
    [[nodiscard]] bool is_gone() const { return directory_.is_gone(); }
    [[nodiscard]] Failure gone() const;  // a sentence if it is
    // Counts how often it was opened. What was written before the last time may have been removed since.
    [[nodiscard]] std::uint64_t openings() const noexcept { return openings_.load(); }

    [[nodiscard]] Manifest manifest() const;
    [[nodiscard]] std::vector<FilePointer> files() const;
    // What `take` takes belongs to the same moment as the files.
    [[nodiscard]] std::vector<FilePointer> files(const std::function<void()>& take) const;

    [[nodiscard]] std::string next_name(Table table, unsigned level);
    [[nodiscard]] DurableDirectory& directory() noexcept { return directory_; }
    [[nodiscard]] const DurableDirectory& directory() const noexcept { return directory_; }

    // Applies the change to the manifest and puts it in place of the last one, in the directory that was
    // opened. `along` happens in the same moment for whoever takes files.
    [[nodiscard]] Failure commit(const std::function<void(Manifest&)>& change,
                                 const std::function<void()>& along = {});
    // A file beside the manifest, which does not name it. No name of a file of rows.
    [[nodiscard]] Failure keep_text(const std::string& name, std::string_view text);
    // Removes a published file or index that could not be entered; not if a manifest that was half put in
    // place names it.
    void discard(const std::string& name);

  private:
    [[nodiscard]] Failure lock();
    [[nodiscard]] Failure read(Findings& findings);
    [[nodiscard]] Failure read_manifest(Manifest& manifest) const;
    [[nodiscard]] Failure leave_out_lost(Manifest& manifest, Findings& findings) const;
    void set_aside(const std::string& name) const;
    void remove_strangers(std::vector<std::string>& notes);
    void remove_spilled();
    [[nodiscard]] Failure commit_locked(const std::function<void(Manifest&)>& change,
                                        const std::function<void()>& along);
    // What was ours and is no longer named leaves the disk, if so wanted.
    void take_over(Manifest manifest, bool remove);

    Settings settings_;
    DurableDirectory directory_;
    int lock_ = -1;
    std::atomic<std::uint64_t> next_file_{1};
    std::atomic<std::uint64_t> openings_{0};
    std::mutex commit_mutex_;
    mutable std::mutex mutex_;
    Manifest manifest_;
    std::vector<FilePointer> files_;  // as in the manifest
};

}  // namespace picket::archive
