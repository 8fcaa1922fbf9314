// picketd's parts and how they are joined: the drain thread feeds them, the HTTP handlers ask them.
//
// Thread-safe after start(). Owns everything; nothing global.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "controlplane/archive/archive.h"
#include "controlplane/archive/rule_directories.h"
#include "controlplane/detect/acknowledgements.h"
#include "controlplane/detect/alert_table.h"
#include "controlplane/detect/coverage.h"
#include "controlplane/detect/event_log.h"
#include "controlplane/detect/fold_log.h"
#include "controlplane/detect/hit_samples.h"
#include "controlplane/detect/replay_summary.h"
#include "controlplane/detect/rule_service.h"
#include "controlplane/detect/scan_detector.h"
#include "controlplane/detect/scan_verifier.h"
#include "controlplane/detect/watch_lists.h"
#include "controlplane/drain/drain_loop.h"
#include "controlplane/drain/intake.h"
#include "controlplane/drain/live_capture.h"
#include "controlplane/drain/walk_collector.h"
#include "controlplane/export/eve_writer.h"
#include "controlplane/store/flow_store.h"
#include "controlplane/store/hit_store.h"
#include "controlplane/store/selection.h"
#include "controlplane/store/shapes.h"

namespace picket {

struct SensorSettings {
    std::string name;
    std::string dataplane_socket;
    bool replay = false;  // a report is wanted, and nothing but it
    bool owns_dataplane = false;
    std::vector<std::string> known_nat;  // networks whose hosts are no scanners
    std::size_t flows_kept = 0;
    std::size_t requests_kept = 0;
    std::string eve_path;  // empty: no events are exported
    detect::RuleServiceSettings rules;
    struct WatchFile {
        std::string name;
        std::string path;
    };
    std::vector<WatchFile> watch_files;
    drain::QueryKept query_kept = drain::QueryKept::whole;
    std::optional<archive::ArchiveSettings> archive;  // read_only: nothing but it is asked
};

struct FlowAnswer {
    store::Selection selection;
    std::shared_ptr<const store::RequestSource> requests;  // of the archive; nullptr: those of memory
    detect::CoverageAnswer coverage;
    std::vector<std::string> notes;  // sentences: what the answer lacks
    std::uint64_t horizon_ns = 0;
    std::uint64_t now_ns = 0;
    std::uint64_t known_until_ns = 0;  // what happened before is told, of flows that go on too; 0: not so
};

// Totals, and groups or a timeline, instead of rows.
struct ShapedAnswer {
    FlowAnswer frame;  // its selection is part of what was shaped
    store::FlowShaper shaper;
};

struct ScanAnswer {
    std::vector<detect::Scan> scans;
    bool one_way = false;
    std::uint64_t forgotten = 0;
    std::vector<std::string> notes;
};

// Do answers look at requests, not at flows alone?
[[nodiscard]] bool needs_requests(const store::Query& query) noexcept;
// What an answer to the query lacks because of the horizon, in a sentence; nothing if it lacks nothing.
std::optional<std::string> horizon_note(const char* what, std::uint64_t horizon_ns,
                                        const store::Query& query);

// Two counter samples about a second apart, newest last; what rates are made of.
struct CounterPair {
    detect::CounterSnapshot before;
    detect::CounterSnapshot now;
    [[nodiscard]] double seconds() const noexcept;
};

class Sensor final : public drain::LinkObserver {
  public:
    // Throws SetupError if a watch list or the events' file cannot be used.
    explicit Sensor(SensorSettings settings);
    ~Sensor() override;

    void start();
    // Stops the data plane first if it is owned, drains, writes what is to be written.
    void stop();

    // The flows that answer a query, live and archived ones included; limited: rows beyond query.limit are
    // left out. Throws archive::ArchiveUnreadable.
    FlowAnswer ask(const store::Query& query, bool limited);
    // The same for who shows the first query.limit rows: of the others no more is there than what they are
    // sorted and added up by, or nothing but their share of the totals. The query outlives the answer. Throws
    // archive::ArchiveUnreadable.
    ShapedAnswer ask_shown(const store::Query& query);
    // The same for answers that show no rows: any number of flows. The query outlives the answer. Throws
    // archive::ArchiveUnreadable.
    ShapedAnswer ask_shaped(const store::Query& query);
    // The same for whoever folds flows himself: any number of them, one by one, whole, in no order. Not for
    // queries by request. What is returned tells what is lacking; its selection was told too. Throws
    // archive::ArchiveUnreadable.
    FlowAnswer each_flow(const store::Query& query,
                         const std::function<void(const store::StoredFlow&)>& visit);
    [[nodiscard]] detect::CoverageAnswer coverage(const store::Query& query) const;
    [[nodiscard]] std::uint64_t now_ns() const;  // UTC; in captures the time of the newest packet
    [[nodiscard]] bool keeps_flows() const noexcept { return flows_.capacity() > 0 || is_closed_archive(); }
    // Is there no data plane, but an archive that is only read?
    [[nodiscard]] bool is_closed_archive() const noexcept {
        return settings_.archive && settings_.archive->read_only;
    }
    [[nodiscard]] const archive::Archive* archive() const noexcept { return archive_.get(); }
    // What the rows of an answer are printed with; as long as the answer lives.
    [[nodiscard]] store::QueryJoin join(const FlowAnswer& answer) const noexcept {
        return join(answer.requests.get());
    }
    // All alerts that may touch the query's interval, archived ones included, and what ended before memory
    // (or the archive) begins. Waits as wait_for_verdicts(). Throws archive::ArchiveUnreadable.
    [[nodiscard]] archive::AlertAnswer alerts_of(const store::Query& query) const;
    // Rule hits, archived ones included, as archive::Archive::each_hit() tells them; returns the time before
    // which some are no longer kept, 0 if all are. Throws archive::ArchiveUnreadable.
    std::uint64_t each_hit(const store::Query& query, const archive::Archive::VisitHit& visit) const;
    // The packets that are kept of flows, archived ones included, oldest first. Throws
    // archive::ArchiveUnreadable.
    struct PacketAnswer {
        store::Packets packets;
        std::uint64_t horizon_ns = 0;
    };
    [[nodiscard]] PacketAnswer packets_of(const store::ChosenFlows& flows) const;

    [[nodiscard]] const SensorSettings& settings() const noexcept { return settings_; }
    [[nodiscard]] std::uint64_t started_ns() const noexcept { return started_ns_; }
    [[nodiscard]] drain::LinkStatus link() const { return loop_.status(); }
    // Fresh counters of the present (or last) data plane.
    [[nodiscard]] std::optional<detect::CounterSnapshot> counters() const;
    [[nodiscard]] std::optional<CounterPair> recent_counters() const;
    [[nodiscard]] const store::FlowStore& flows() const noexcept { return flows_; }
    [[nodiscard]] const store::RequestStore& requests() const noexcept { return requests_; }
    [[nodiscard]] detect::AlertTable& alerts() noexcept { return alerts_; }
    [[nodiscard]] const detect::AlertTable& alerts() const noexcept { return alerts_; }
    [[nodiscard]] detect::Acknowledgements& acknowledgements() noexcept { return acknowledgements_; }
    [[nodiscard]] detect::EventLog& events() noexcept { return events_; }
    [[nodiscard]] const detect::Thresholds& thresholds() const noexcept { return thresholds_; }
    [[nodiscard]] const detect::FoldLog& folds() const noexcept { return folds_; }
    [[nodiscard]] const detect::ScanDetector& scan_detector() const noexcept { return scans_; }
    // Those of the query's interval: found so far, and where earlier picketds have left an archive, found in
    // its flows. Throws ArchiveUnreadable.
    [[nodiscard]] ScanAnswer scans(const store::Query& query);
    // Once the input has ended: returns when every suspicion is decided and told, or after five seconds.
    void wait_for_verdicts() const;
    [[nodiscard]] detect::WatchLists& watch_lists() noexcept { return watch_lists_; }
    [[nodiscard]] drain::LiveCapture& capture() noexcept { return capture_; }
    [[nodiscard]] detect::RuleService& rules() noexcept { return rules_; }
    [[nodiscard]] const detect::RuleService& rules() const noexcept { return rules_; }
    [[nodiscard]] const detect::ReplaySummary& summary() const noexcept { return summary_; }
    [[nodiscard]] const detect::HitSamples& samples() const noexcept { return samples_; }
    // TCP bytes that were acknowledged and never seen, in all flows that have ended.
    [[nodiscard]] std::uint64_t bytes_lost_before_us() const noexcept { return intake_.lost_bytes(); }
    [[nodiscard]] bool stopping() const noexcept { return stopped_.load(std::memory_order_acquire); }
    [[nodiscard]] const exporter::LineSink* eve_sink() const noexcept {
        return eve_ ? &eve_->sink() : nullptr;
    }

    // Why a replay's report cannot be complete; empty while it can.
    [[nodiscard]] std::string failure() const;
    // Is everything that the data plane will ever send drained (and written)?
    [[nodiscard]] bool finished() const noexcept { return finished_.load(std::memory_order_acquire); }
    // Returns when it is, when it cannot be any more, or when the sensor stops.
    void wait_until_finished();

    void on_connected(const std::shared_ptr<drain::Segments>& segments, bool same_run) override;
    void on_disconnected(const std::shared_ptr<drain::Segments>& segments) override;
    void on_unconnected() override;
    void on_trouble(const std::string& sentence) override;
    void on_tick(const std::shared_ptr<drain::Segments>& segments) override;
    void on_input_finished() override;

  private:
    void sample(const std::shared_ptr<drain::Segments>& segments);
    void wake_waiters();
    void note_loss(std::uint64_t lost);
    void write_stats();
    struct LiveFlows {
        std::vector<store::StoredFlow> flows;
        std::uint64_t known_until_ns = 0;
    };
    LiveFlows walk(const store::Query& query, std::vector<std::string>& notes);
    void stop_dataplane();
    class SuspectFlowsOfSensor final : public detect::SuspectFlows {
      public:
        explicit SuspectFlowsOfSensor(Sensor& sensor) : sensor_(sensor) {}
        Known each_flow(const store::Query& query, const Visit& visit) override;
        Known each_live_flow(const store::Query& query, const Visit& visit) override;

      private:
        Sensor& sensor_;
    };
    void suspect_scan(const detect::Scan& scan);
    void verify_scans();
    void wait_for_answers(std::uint64_t due_ns) const;
    void announce_scans();
    [[nodiscard]] detect::ScanSettings scan_settings() const;
    [[nodiscard]] ScanAnswer running_scans();
    [[nodiscard]] ScanAnswer archived_scans(const store::Query& query);
    [[nodiscard]] archive::FlowAnswer ended_flows(const store::Query& query,
                                                  const std::vector<store::StoredFlow>& live,
                                                  const archive::Archive::WholeFlows& whole) const;
    FlowAnswer answer(const store::Query& query, bool limited, const archive::Archive::WholeFlows& whole);
    [[nodiscard]] store::QueryJoin join(const store::RequestSource* requests) const noexcept {
        return {requests ? *requests : requests_, rule_directories_};
    }
    void load_archived_lists();
    void watch_again();
    void enter_session(std::uint64_t run, std::uint64_t since_ns, bool captures, bool same_run);

    SensorSettings settings_;
    std::uint64_t started_ns_;
    detect::EventLog events_;
    detect::FoldLog folds_;
    detect::ScanDetector scans_;
    detect::WatchLists watch_lists_;
    detect::Thresholds thresholds_;
    detect::AlertTable alerts_;
    detect::Coverage coverage_;
    detect::ReplaySummary summary_;
    detect::HitSamples samples_;  // of a replay
    store::FlowStore flows_;
    store::RequestStore requests_;
    store::HitStore hits_;
    store::PacketStore packets_;
    drain::MailboxClient mailbox_;
    drain::WalkCollector walks_;
    drain::LiveCapture capture_;
    drain::QueryPrivacy privacy_;
    detect::RuleService rules_;
    std::unique_ptr<archive::Archive> archive_;  // nullptr: none is kept
    detect::Acknowledgements acknowledgements_;  // kept in the archive
    archive::RuleDirectories rule_directories_;
    std::unique_ptr<exporter::EveWriter> eve_;
    drain::Intake intake_;
    std::uint64_t next_sample_ns_ = 0;
    std::uint64_t next_stats_ns_ = 0;
    std::uint64_t loss_noted_ns_ = 0;
    std::uint64_t loss_pending_ = 0;
    mutable std::mutex samples_mutex_;
    std::optional<detect::CounterSnapshot> sample_before_;
    std::optional<detect::CounterSnapshot> sample_now_;
    std::mutex finished_mutex_;
    std::condition_variable finished_changed_;
    std::atomic<bool> finished_{false};
    std::atomic<bool> stopped_{false};
    mutable std::mutex suspects_mutex_;
    mutable std::condition_variable suspects_changed_;
    std::vector<detect::Scan> suspects_;
    bool verifying_ = false;
    std::vector<detect::Scan> confirmed_;
    bool announcing_ = false;
    std::thread verifier_;   // asks what has become of a suspect's other connections
    drain::DrainLoop loop_;  // last: its thread uses everything above
};

}  // namespace picket
