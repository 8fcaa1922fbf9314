// The archive's thread: it collects rows, writes them to files in time, and enters them in the manifest.
//
// add() and its kin are for one thread, the rest is thread-safe. Rows that wait and files are seen together
// by view(): a row is in exactly one of them at any moment.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "controlplane/archive/archive.h"
#include "controlplane/archive/catalog.h"
#include "controlplane/archive/open_rows.h"
#include "controlplane/archive/rule_sets.h"
#include "controlplane/archive/session_book.h"
#include "controlplane/archive/watch_texts.h"

namespace picket::archive {

// What the archive holds at one moment.
struct ArchiveView {
    std::vector<FilePointer> files;
    OpenView open;
};

struct WriteEngine;

class ArchiveWriter {
  public:
    // All outlive the writer.
    ArchiveWriter(const ArchiveSettings& settings, Catalog& catalog, RuleSets& rule_sets,
                  WatchTexts& watch_texts, detect::EventLog& events);
    ~ArchiveWriter();

    // Opens the directory. After a failure the thread tries again, if it is started.
    [[nodiscard]] Failure open();
    void start(const Failure& opening);
    void begin_session(std::uint64_t run, std::uint64_t begin_ns, bool captures);
    void end_session(std::uint64_t end_ns);
    void add(std::span<const store::StoredFlow> flows);
    void add(const store::StoredRequest& request);
    void add(const ResponseRow& response);
    void add(const store::StoredHit& hit);
    void add(const AlertRow& alert);
    void add(const LossRow& loss);
    void add(const store::StoredPacket& packet);
    // Everything that was added is on disk, or why not. Ends the thread.
    Failure finish();

    [[nodiscard]] ArchiveView view() const;
    void report(ArchiveStatus& status) const;

  private:
    using Clock = std::chrono::steady_clock;

    void work();
    [[nodiscard]] bool is_due() const;
    [[nodiscard]] bool is_flush_due() const;
    [[nodiscard]] bool is_finishing() const;
    void attempt();
    [[nodiscard]] Failure announce();
    [[nodiscard]] Failure flush_if_due();
    [[nodiscard]] Failure flush();
    [[nodiscard]] Failure commit(const OpenView& sealed, const std::vector<FileEntry>& written,
                                 std::uint64_t end_ns, bool closing);
    void note_success();
    void note_failure(const std::string& why);
    // False if rows found no room.
    template <typename Row>
    bool append(RowChunks<Row>& chunks, std::span<const Row> rows, std::size_t rows_max);
    bool waits();
    void lose(std::size_t rows);
    void tell_losses();

    const ArchiveSettings& settings_;
    Catalog& catalog_;
    RuleSets& rule_sets_;
    WatchTexts& watch_texts_;
    detect::EventLog& events_;
    std::unique_ptr<WriteEngine> engine_;  // of the archive's thread, made when it is needed

    OpenRows open_;
    std::vector<store::StoredFlow> batch_;  // of the adding thread
    std::atomic<std::uint64_t> lost_{0};
    std::atomic<std::uint64_t> event_bytes_{0};  // of requests and packets that wait
    std::atomic<std::uint64_t> packets_lost_{0};
    // Of the archive's thread: what of the losses has been told, and since when there were none.
    std::vector<FileEntry> files_before_;  // of the directory that was opened last
    std::uint64_t lost_told_ = 0;
    std::uint64_t lost_since_ns_ = 0;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    bool opened_ = false;
    bool finishing_ = false;
    bool given_up_ = false;  // nobody waits for room any more
    std::string trouble_;
    std::uint64_t flushed_ns_ = 0;
    Clock::time_point flushed_;
    Clock::time_point try_after_;
    std::chrono::milliseconds patience_{0};
    SessionBook sessions_;
    bool captures_ = false;
    std::thread thread_;
};

}  // namespace picket::archive
