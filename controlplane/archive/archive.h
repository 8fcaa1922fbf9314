// The archive: all flows, requests and hits on disk, as Parquet files that any engine reads.
//
// One thread adds (the drain thread), any number ask. Nothing that is added waits for the disk, but where
// settings.may_wait says so: what finds no room is counted as lost. A thread of the archive writes what has
// come to small files, at the latest every flush_interval; each flush is in the archive as a whole or not at
// all, whatever ends the process. A disk that fails is tried again until it works; meanwhile rows wait in
// memory as long as there is room. docs/archive.md has the files' layout.
//
// Memory: open_rows_max rows of sizeof(StoredFlow), about 340 MB, if the disk cannot follow; the engine's
// limits for writing and reading beside it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/detect/alert_table.h"
#include "controlplane/detect/coverage.h"
#include "controlplane/detect/event_log.h"
#include "controlplane/store/flow_source.h"
#include "controlplane/store/hit_store.h"
#include "controlplane/store/packet_store.h"
#include "controlplane/store/query.h"
#include "controlplane/store/request_source.h"
#include "controlplane/store/rule_directory.h"
#include "controlplane/store/shapes.h"

namespace picket::archive {

struct ArchiveSettings {
    std::string directory;
    std::string sensor;
    bool read_only = false;  // a closed archive is asked; nothing is added
    bool replay = false;     // of captures: refuses a directory that holds an archive already
    bool may_wait = false;   // rows wait for room instead of being lost
    std::size_t flush_rows = 122'880;
    std::chrono::milliseconds flush_interval{10'000};
    std::chrono::milliseconds upkeep_interval{1'000};  // how often it is looked for what to merge or remove
    std::uint64_t retain_ns = 0;                       // what is older is removed; 0: never
    std::uint64_t bytes_max = 0;                       // the oldest is removed beyond that; 0: without bound
    std::size_t open_rows_max = 737'280;
    // So many rows of flows are sorted at once when files are merged; more become several files.
    std::uint64_t sorted_rows_max = 4'000'000;
    // The present watch lists, which are kept beside the rows. Called by the archive's thread.
    std::function<std::map<std::string, store::Networks>()> watch_lists;
    std::set<std::string> configured_lists;  // names of those that come back by themselves
};

// A time of which an earlier picketd, that was killed, had not written all.
struct Gap {
    std::uint64_t begin_ns = 0;
    std::uint64_t end_ns = 0;
};

struct TableStatus {
    std::string name;
    std::uint64_t files = 0;
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
    std::uint64_t first_ns = 0;
    std::uint64_t last_ns = 0;
};

struct ArchiveStatus {
    std::string directory;
    bool open = false;    // its directory could be used
    std::string trouble;  // why it cannot be written now; empty while it can
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
    std::uint64_t flows = 0;               // rows of closed files: parts of flows
    std::uint64_t open_flows = 0;          // that are not on disk yet
    std::uint64_t open_rows = 0;           // of all tables, flows among them
    std::uint64_t unarchived = 0;          // rows that found no room, since this picketd started
    std::uint64_t unarchived_packets = 0;  // the same of packets, which are no rows of evidence
    std::uint64_t since_ns = 0;            // beginning of what is kept, 0: nothing
    std::uint64_t latest_ns = 0;           // newest packet of closed files
    std::uint64_t flushed_ns = 0;          // when a flush was last completed, 0: not yet
    std::uint64_t horizon_ns = 0;          // what ended before was removed with its time
    std::uint64_t retain_ns = 0;
    std::uint64_t bytes_max = 0;
    std::optional<Gap> gap;  // the newest one
    std::vector<TableStatus> tables;
};

// A question that the archive's files could not answer.
class ArchiveUnreadable : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

struct FlowAnswer {
    std::shared_ptr<const store::FlowSnapshot> flows;
    // Of flows that may be shown or are judged by their requests; nullptr if the query needs none.
    std::shared_ptr<const store::RequestSource> requests;
};

struct AlertAnswer {
    std::vector<detect::Alert> alerts;
    std::uint64_t horizon_ns = 0;
};

// A user's SQL and its answer.
struct SqlLimits {
    std::size_t rows_max = 100'000;
    std::size_t text_bytes_max = std::size_t{128} << 20;  // of all rows
    std::uint64_t memory_bytes = std::uint64_t{1} << 30;
    unsigned threads = 2;
    std::chrono::milliseconds time{60'000};
};

struct SqlResult {
    std::vector<std::string> columns;
    std::vector<std::string> rows;  // each a JSON object
    bool truncated = false;         // there are more rows than the limits let through
    std::string error;              // why there is no (whole) answer; empty: there is
};

class Archive final : public store::RuleDirectory {
  public:
    // Rules tell what the numbers of generations in rows mean, as long as rows are added. Throws SetupError
    // if there is something wrong that waiting cannot mend (and, in a replay or to be read, if anything is).
    Archive(ArchiveSettings settings, const store::RuleDirectory& rules, detect::EventLog& events);
    ~Archive() override;

    // A data plane's run is watched from begin_ns on: one that goes on, or a new one. captures: its packets
    // have times of their own.
    void begin_session(std::uint64_t run, std::uint64_t begin_ns, bool captures);
    void end_session(std::uint64_t end_ns);
    void add_flows(std::span<const store::StoredFlow> parts);
    void add_request(const store::StoredRequest& request);
    void add_response(const store::FlowKey& flow, std::uint32_t request, const store::Response& response);
    void add_response_end(const store::FlowKey& flow, std::uint32_t request, std::int64_t body_bytes,
                          std::uint64_t time_ns);
    void add_hit(const store::StoredHit& hit);
    void add_packet(const store::StoredPacket& packet);
    void add_alert(std::uint64_t run, const detect::Hit& hit);
    // What a run lost or folded between two moments.
    void add_loss(std::uint64_t run, std::uint64_t begin_ns, std::uint64_t end_ns, std::uint64_t lost,
                  std::uint64_t folded);
    // What earlier picketds have added of a run, which this one shall not add again.
    [[nodiscard]] detect::CoverageAnswer losses_of(std::uint64_t run) const;
    // Writes what has come, closes the session, and adds nothing any more. A sentence if that failed. Does
    // nothing a second time, or where the archive is only read.
    std::optional<std::string> finish();

    // All parts of flows that may answer the query: those on disk, those that wait to be written. live: flows
    // of the data plane's tables, whose earlier parts are looked for too. Throws ArchiveUnreadable.
    // whole: what becomes of flows of one part that lie in files instead of keeping them, so that totals of
    // any number of flows can be made: each is told, or added up by the engine. Where only totals are wanted
    // beside the query's first rows, those that are not among them may be added up, and all others are kept.
    // Queries by request keep them all the same.
    struct WholeFlows {
        std::function<void(const store::StoredFlow&)> tell;  // empty: they are kept
        store::FlowShaper* totals = nullptr;                 // of the query's shape
    };
    [[nodiscard]] FlowAnswer ask(const store::Query& query, std::span<const store::StoredFlow> live,
                                 const WholeFlows& whole) const;
    [[nodiscard]] FlowAnswer ask(const store::Query& query, std::span<const store::StoredFlow> live) const {
        return ask(query, live, WholeFlows());
    }
    // The alerts of all hours that the interval touches. Throws ArchiveUnreadable.
    [[nodiscard]] AlertAnswer alerts(std::optional<std::uint64_t> since_ns,
                                     std::optional<std::uint64_t> until_ns) const;
    // Rule hits as they came, one by one: never fewer than those of the query's interval, rule, source and
    // destination's port. visit asks nothing of the archive. Throws ArchiveUnreadable.
    using VisitHit = std::function<void(const store::StoredHit&)>;
    void each_hit(const store::Query& query, const VisitHit& visit) const;
    // Those that are kept of the flows, oldest first. Throws ArchiveUnreadable.
    [[nodiscard]] store::Packets packets(const store::ChosenFlows& flows) const;
    // What an answer for [since, until) lacks: before live_since_ns all that is known of, after it the rows
    // that found no room here. Throws ArchiveUnreadable.
    [[nodiscard]] detect::CoverageAnswer coverage(std::optional<std::uint64_t> since_ns,
                                                  std::uint64_t until_ns, std::uint64_t live_since_ns) const;
    // A small text beside the rows, as a whole or not at all: a sentence if that failed.
    [[nodiscard]] std::optional<std::string> keep_text(const std::string& name, std::string_view text);
    // As it was last kept; nothing if it was not, or cannot be read now.
    [[nodiscard]] std::optional<std::string> kept_text(const std::string& name) const;
    // Watch lists as they were last, as text of one address or network a line.
    [[nodiscard]] std::map<std::string, std::string> watch_lists() const;
    // Those of them that no configuration had named, and that have not been present since.
    [[nodiscard]] std::map<std::string, std::string> watch_lists_by_hand() const;

    // A single SELECT over what is on disk; it can neither change nor open anything else.
    [[nodiscard]] SqlResult query(const std::string& sql, const SqlLimits& limits) const;

    [[nodiscard]] ArchiveStatus status() const;
    // Why it cannot be written now; empty while it can.
    [[nodiscard]] std::string trouble() const;
    // Did earlier sessions leave something?
    [[nodiscard]] bool has_history() const;

    // Generations as the archive's rows name them.
    [[nodiscard]] std::shared_ptr<const store::RuleGeneration> generation(
        std::uint32_t number) const override;
    [[nodiscard]] static constexpr bool is_archived(std::uint32_t generation) noexcept {
        return generation >= 0x8000'0000;
    }

  private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace picket::archive
