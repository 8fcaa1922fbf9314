// Where events go: into the stores, the alert table, the report's summary and the exported events.
//
// All EventSink calls come from the drain thread; what it writes to is thread-safe by itself.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/archive/archive.h"
#include "controlplane/detect/alert_table.h"
#include "controlplane/detect/event_log.h"
#include "controlplane/detect/fold_log.h"
#include "controlplane/detect/hit_samples.h"
#include "controlplane/detect/replay_summary.h"
#include "controlplane/detect/scan_detector.h"
#include "controlplane/detect/thresholds.h"
#include "controlplane/drain/event_sink.h"
#include "controlplane/drain/held_hits.h"
#include "controlplane/drain/live_capture.h"
#include "controlplane/drain/mailbox_client.h"
#include "controlplane/drain/query_privacy.h"
#include "controlplane/drain/walk_collector.h"
#include "controlplane/export/eve_writer.h"
#include "controlplane/store/flow_store.h"
#include "controlplane/store/hit_store.h"
#include "controlplane/store/packet_store.h"
#include "controlplane/store/request_store.h"
#include "controlplane/store/rule_directory.h"

namespace picket::drain {

// All outlive the intake. Pointers may be nullptr.
struct IntakeParts {
    store::FlowStore& flows;
    store::RequestStore& requests;
    store::HitStore& hits;
    store::PacketStore& packets;
    detect::AlertTable& alerts;
    detect::ReplaySummary& summary;
    detect::EventLog& events;
    detect::FoldLog& folds;
    detect::ScanDetector& scans;
    detect::Thresholds& thresholds;
    const store::RuleDirectory& rules;
    MailboxClient& mailbox;
    WalkCollector& walks;
    LiveCapture& capture;
    const QueryPrivacy& privacy;
    exporter::EveWriter* eve = nullptr;
    archive::Archive* archive = nullptr;
    detect::HitSamples* samples = nullptr;
};

class Intake final : public EventSink {
  public:
    explicit Intake(const IntakeParts& parts) : parts_(parts) {}

    // A data plane was connected: its flow ids belong to `run`.
    void set_run(std::uint64_t run, std::vector<std::string> port_names);

    void set_clock(std::int64_t utc_minus_packet_ns) override { utc_minus_packet_ns_ = utc_minus_packet_ns; }
    void on_flows(std::span<const api::FlowRecord* const> records) override;
    void on_live_flow(const api::FlowRecord& record) override;
    void on_request(const api::RequestEvent& event, const RequestTextViews& texts) override;
    void on_response(const api::ResponseEvent& event, std::string_view content_type) override;
    void on_response_end(const api::ResponseEndEvent& event) override;
    void on_hit(const api::HitEvent& event, const RequestTextViews& texts) override;
    void on_watch(const api::WatchEvent& event) override;
    void on_fold(const api::FoldEvent& event) override { parts_.folds.add(event); }
    void on_hit_count(const api::HitCountEvent& event) override;
    void on_note(const api::NoteEvent& event) override;
    void on_reply(const api::ReplyEvent& event, std::string_view text) override;
    void on_packet(const api::PacketEvent& event, std::string_view frame) override;
    void on_capture(const api::CaptureEvent& event, std::string_view path, std::string_view error) override;
    // The alert of a scan that was found.
    void add_scan(const detect::Scan& scan);

    // Live, some times a second: hits that have waited for older ones of other workers since the last call
    // are passed on.
    void release_settled_hits();
    // No older hits will come: the input is over, or its connection.
    void release_hits();

    // UTC of the newest packet that any event told of; what is 'now' in a capture.
    [[nodiscard]] std::uint64_t latest_ns() const noexcept {
        return latest_ns_.load(std::memory_order_relaxed);
    }

    [[nodiscard]] std::uint64_t lost_bytes() const noexcept {
        return lost_bytes_.load(std::memory_order_relaxed);
    }

  private:
    [[nodiscard]] std::uint64_t utc(std::uint64_t packet_ns) const noexcept {
        return packet_ns == 0 ? 0 : packet_ns + static_cast<std::uint64_t>(utc_minus_packet_ns_);
    }
    void see(std::uint64_t time_ns) noexcept;
    void judge_contacts();
    void keep_hit(const api::HitEvent& event, const detect::Hit& hit,
                  const std::optional<store::StoredRequest>& request);
    // As it is kept: nobody sees more of it.
    [[nodiscard]] store::StoredFlow flow_of(const api::FlowRecord& record) const noexcept;
    [[nodiscard]] store::StoredRequest request_of(const RequestTextViews& texts) const;
    [[nodiscard]] detect::Hit hit_of(const api::EventHeader& header, const api::EventEnds& ends) const;
    // Fills what a rule of a generation says of its hits; nullptr if its text is not known any more.
    const rules::RuleInfo* name_rule(detect::Hit& hit, const store::RuleGeneration* generation,
                                     std::uint32_t rule) const;
    // One hit for each of the lists, like `like` in everything else.
    void add_watch_hits(const detect::Hit& like, std::uint64_t lists, const store::RuleGeneration* generation,
                        std::uint16_t port);
    void add(const detect::Hit& hit, std::uint16_t port, const exporter::AlertTexts& texts);
    // The hit of a rule, whose text may not be known; with what is shown of its request.
    void add_rule_hit(detect::Hit hit, std::uint16_t port, const rules::RuleInfo* rule,
                      std::optional<store::StoredRequest> request, std::uint32_t request_number);
    void release_oldest_hit();

    IntakeParts parts_;
    std::int64_t utc_minus_packet_ns_ = 0;
    std::uint64_t run_ = 0;
    std::vector<std::string> port_names_;
    std::vector<store::StoredFlow> batch_;
    std::vector<detect::Contact> contacts_;  // of the batch
    HeldHits held_;
    std::uint64_t settled_ns_ = 0;  // hits up to here have waited long enough
    std::atomic<std::uint64_t> latest_ns_{0};
    std::atomic<std::uint64_t> lost_bytes_{0};
};

}  // namespace picket::drain
