// The way of a packet within one worker, burst in, burst out: parse, steer, copies, fragment, flow, http,
// match, emit. process() in pipeline.cpp is the table of contents.
//
// Ownership: one Pipeline a worker, used by its thread alone, but for offer_matcher(), which is for the
// housekeeping thread. Nothing here allocates, locks, logs or calls the system while packets pass.
// No rte_* here: frames are spans of memory, wherever they came from.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "dataplane/api/counters.h"
#include "dataplane/api/mailbox.h"
#include "dataplane/capture/frame_filter.h"
#include "dataplane/duplicate/duplicate_window.h"
#include "dataplane/emit/emitter.h"
#include "dataplane/emit/fold_reporter.h"
#include "dataplane/flow/flow_tracker.h"
#include "dataplane/fragment/fragment_stage.h"
#include "dataplane/handover.h"
#include "dataplane/http/request_stage.h"
#include "dataplane/match/flow_bits.h"
#include "dataplane/match/matcher.h"
#include "dataplane/parse/parse_frame.h"
#include "dataplane/parse/parse_plain.h"
#include "dataplane/rx/frame.h"
#include "dataplane/steer/mesh.h"

namespace picket {

inline constexpr std::size_t burst_max = 64;
// Every frame of a burst may be an ICMP error, which is a packet and quotes another.
inline constexpr std::size_t packets_max = 2 * burst_max;

// What becomes of a span port's copies.
enum class Duplicates : std::uint8_t {
    ignore,  // not looked for: they are packets like others
    count,   // in their flows, counted apart, and nothing else is done with them
    drop,    // outcome `duplicate`
};
inline constexpr std::array<std::string_view, 3> duplicates_names{"ignore", "count", "drop"};

struct PipelineSettings {
    std::uint32_t worker = 0;
    std::uint32_t workers = 1;
    std::uint32_t ports = 1;
    parse::ParseSettings parse;
    flow::FlowSettings flow;
    http::StageSettings http;
    fragment::FragmentSettings fragments;
    Duplicates duplicates = Duplicates::ignore;
    std::uint16_t alert_packets = 0;       // copied of each flow with a hit, from the one that hit on
    std::size_t flowbit_records = 65'536;  // flows with bits at one time, up to 13 bits each, 64 bytes
    // Bit i: port i spreads packets by their addresses and the symmetric key over exactly the workers, so
    // that plain ones are where they belong and only of the others the owner is computed.
    std::uint32_t symmetric_ports = 0;
};

class alignas(api::cache_line) Pipeline final : flow::RecordSink, http::RequestSink, fragment::FragmentSink {
  public:
    Pipeline(const PipelineSettings& settings, const flow::KeyedHash& hash, emit::Emitter& emitter,
             steer::Mesh* mesh, api::WorkerArea& area);

    enum class Origin : std::uint8_t {
        queue,  // from the worker's own queue: foreign frames are handed over
        mesh,   // from another worker: its flows are this worker's
        own,    // from the own queue, already counted as received and known to be this worker's (replay)
    };

    // At most burst_max frames. Their bytes are not needed afterwards.
    void process(std::span<const rx::Frame> frames, Origin origin) noexcept;

    // Replay: which worker owns the frame's flow (frames that belong to no flow stay with this worker), and
    // which one that of the packet that an ICMP error quotes; the same if none is quoted.
    struct Owners {
        std::uint32_t frame = 0;
        std::uint32_t quote = 0;
    };
    [[nodiscard]] Owners owners(const rx::Frame& frame) noexcept;
    // Replay: a frame from another worker's ring is about to be processed as `own`.
    void count_taken_in(const rx::Frame& frame) noexcept {
        if (!frame.quote_only) ++audit(frame.port).taken_in;
    }
    // Replay: counts the frame as received here and, unless this worker owns it, hands it over. False if
    // the ring is full: nothing was counted, come again.
    [[nodiscard]] bool receive_and_steer(const rx::Frame& frame, std::uint32_t owner) noexcept;

    // An ICMP error's frame to the owner of the flow that it quotes, which is another's: not counted
    // anywhere, because the frame is counted where its own flow is. False if the ring is full.
    [[nodiscard]] bool send_quote(const rx::Frame& frame, std::uint32_t owner) noexcept;

    // Between bursts: timers, a step of a walk, adoption of new rules, publication.
    // idle: there are no packets to hurry for.
    void housekeep(std::uint64_t now_ns, bool idle = false) noexcept;
    // Makes counters and events visible.
    void publish() noexcept;
    // Ends all flows: the input is over, or the data plane stops (forced). Then says input_done.
    void finish(std::uint64_t last_ns, bool forced) noexcept;

    [[nodiscard]] flow::FlowTracker& tracker() noexcept { return tracker_; }
    [[nodiscard]] api::WorkerCounters& counters() noexcept { return counters_; }

    // --- housekeeping thread ---
    // Hands a matcher over; the worker adopts it between bursts. Returns the one that was offered before
    // and has not been adopted, or nullptr.
    match::Matcher* offer_matcher(match::Matcher* matcher) noexcept { return matchers_.offer(matcher); }
    // The matcher that the worker no longer uses, once; nullptr if there is none.
    match::Matcher* take_retired() noexcept { return matchers_.take_retired(); }
    // The same for the filter of frames that are to be copied.
    Handover<capture::FrameFilter>& filters() noexcept { return filters_; }

    // A walk that the worker does step by step. REQUIRES: the previous one is done (walking() is false).
    void begin_walk(std::uint64_t walk_id, const api::WalkFilter& filter) noexcept;
    [[nodiscard]] bool walking() const noexcept { return walk_id_.load(std::memory_order_acquire) != 0; }

    ~Pipeline() override;
    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;

  private:
    // The stages; each works on the whole burst.
    void parse_burst(std::span<const rx::Frame> frames, Origin origin) noexcept;
    void count_frames(std::span<const rx::Frame> frames, Origin origin) noexcept;
    [[nodiscard]] std::size_t parse_rare(const rx::Frame& frame, std::size_t at) noexcept;
    void steer_burst(std::span<const rx::Frame> frames, Origin origin) noexcept;
    void find_duplicates() noexcept;
    void place_fragments() noexcept;
    void run_flows() noexcept;
    void turn_timers(std::uint64_t now_ns) noexcept;
    void give_up_fragments() noexcept;
    std::size_t track_flows(std::size_t from) noexcept;
    // Packets that the http stage looks at; of a stretch in their order.
    // PERF: one condition, because which of them holds cannot be predicted.
    void note_wanted(std::size_t i) noexcept {
        const parse::Packet& packet = packets_[i];
        const bool wants = (packet.key.protocol == parse::protocol_tcp) & (packet.payload_captured != 0) &
                           (tracked_[i].cold != flow::no_index);
        wanted_[wanted_count_] = static_cast<std::uint8_t>(i);
        wanted_count_ += wants ? 1 : 0;
    }
    void find_requests(std::size_t from, std::size_t to) noexcept;
    void find_in_order(std::size_t from, std::size_t to) noexcept;
    void match_payloads() noexcept;

    void drop_copies() noexcept;
    void silence_copies(std::size_t from, std::size_t to) noexcept;
    void count_recorded(const api::FlowRecord& record) noexcept;
    [[nodiscard]] std::uint32_t owner_of(const parse::Packet& packet) const noexcept;
    void hand_over(const rx::Frame& frame, std::uint32_t owner) noexcept;
    [[nodiscard]] flow::Interest interest_in(const parse::Packet& packet) const noexcept;
    void look_up_watch_lists(std::size_t i) noexcept;
    void note_hit(std::uint32_t cold, std::uint32_t rule, std::size_t i) noexcept;
    void begin_keeping(std::uint32_t cold, std::size_t i) noexcept;
    void keep_packets(std::size_t from, std::size_t to) noexcept;
    [[nodiscard]] bool keeps(std::size_t i) noexcept;
    void keep_packet(std::size_t i) noexcept;
    [[nodiscard]] const rx::Frame* frame_of(const parse::Packet& packet) const noexcept;
    void hit_request(std::uint32_t index, std::uint32_t rule) noexcept;
    void hit_payload(std::uint32_t index, std::uint32_t rule) noexcept;
    void tell_request_hit(std::uint32_t index, std::uint32_t rule) noexcept;
    void tell_payload_hit(std::uint32_t index, std::uint32_t rule) noexcept;
    void look_at(std::size_t i) noexcept;
    void judge_bits() noexcept;
    [[nodiscard]] std::uint32_t flow_of(const match::WaitingHit& hit) noexcept;
    void adopt_matcher() noexcept;
    void adopt_filter() noexcept;
    void copy_frames(std::span<const rx::Frame> frames) noexcept;
    void walk_step(bool idle) noexcept;
    void count(std::uint16_t port, api::Outcome outcome) noexcept {
        ++audits_[port].outcomes[static_cast<std::size_t>(outcome)];
    }
    api::PortAudit& audit(std::uint16_t port) noexcept {
        dirty_ports_ |= 1u << port;
        return audits_[port];
    }
    void take_stage_time(api::Stage stage) noexcept;

    // Whether payload rules look at the packet: at all but what a TCP server sends after its first packets.
    [[nodiscard]] bool is_first_of_answer(const parse::Packet& packet, const flow::Tracked& tracked) noexcept;
    void tell_requests() noexcept;
    void show_body(match::RequestView& view, api::Dialect dialect) noexcept;
    void tell_responses() noexcept;

    // flow::RecordSink
    void flow_record(const api::FlowRecord& record) noexcept override;
    void flow_attempt(const api::FlowRecord& record) noexcept override;
    void flow_ending(flow::HotFlow& hot, flow::ColdFlow& cold) noexcept override;
    // http::RequestSink
    void flush_requests() noexcept override;
    void response(const flow::HotFlow& hot, const http::FoundResponse& found,
                  const http::ResponseHead& head) noexcept override;
    void response_end(const flow::HotFlow& hot, const http::FoundResponse& found) noexcept override;

    // fragment::FragmentSink
    void pass(const parse::Packet& packet) noexcept override;
    void hold(const parse::Packet& packet) noexcept override;
    void release(const parse::Packet& packet) noexcept override;
    void tell_late(const parse::Packet& packet) noexcept override;
    void flush() noexcept override;

    // An answer, or its end, that waits for its request to be told; the text lies where the batch's do.
    struct PendingResponse {
        api::EventEnds ends;
        http::FoundResponse found;
        std::int64_t content_length;
        std::string_view content_type;
        std::uint16_t status;  // 0: an end
    };
    [[nodiscard]] PendingResponse& pend(const flow::HotFlow& hot, const http::FoundResponse& found) noexcept;

    PipelineSettings settings_;
    emit::Emitter* emitter_;
    steer::Mesh* mesh_;
    api::WorkerArea* area_;
    std::optional<duplicate::DuplicateWindow> window_;  // none with Duplicates::ignore
    fragment::FragmentStage fragments_;
    flow::FlowTracker tracker_;
    emit::FoldReporter fold_reporter_;
    http::RequestBatch requests_;
    http::RequestStage request_stage_;

    std::span<const rx::Frame> frames_;  // of the burst
    std::array<parse::Packet, packets_max> packets_;
    std::array<flow::Tracked, packets_max> tracked_;
    std::array<std::uint8_t, packets_max> frame_of_{};  // index of the packet's frame in the burst
    std::size_t packet_count_ = 0;
    bool fragments_came_ = false;                           // in this burst
    std::array<parse::Packet, packets_max> burst_packets_;  // of a burst with fragments, as they came
    std::array<std::array<std::uint8_t, 32>, packets_max> held_addresses_;  // IPv6 addresses of packets_
    unsigned rare_flags_ = 0;                         // of the packets of the burst that went the long way
    bool quotes_ = false;                             // some packet of the burst is packet_quoted
    bool copies_ = false;                             // some packet of the burst is packet_copy
    unsigned marks_seen_ = 0;                         // of the flows of the stretch's packets
    std::array<std::uint8_t, packets_max> wanted_{};  // packets of the stretch with TCP payload
    std::size_t wanted_count_ = 0;
    // Flows that had their first hit in this stretch, and the packet that hit.
    struct FirstHit {
        std::uint32_t cold;
        std::uint8_t packet;
    };
    std::array<FirstHit, packets_max> first_hits_{};
    std::size_t first_hit_count_ = 0;
    std::array<match::PayloadView, burst_max> payloads_;
    std::array<std::uint8_t, burst_max> payload_packet_{};
    std::size_t payloads_next_ = 0;  // packets of the burst from here on have not been matched,
    std::size_t payloads_end_ = 0;   // and those up to here are to be, with the requests
    match::FlowBits flow_bits_;

    std::array<PendingResponse, burst_max> responses_{};
    std::size_t response_count_ = 0;

    match::Matcher* matcher_ = nullptr;  // owned; null before the first rule set
    Handover<match::Matcher> matchers_;
    capture::FrameFilter* filter_ = nullptr;  // owned; null before the first one
    Handover<capture::FrameFilter> filters_;

    std::atomic<std::uint64_t> walk_id_{0};
    api::WalkFilter walk_filter_;
    std::size_t walk_position_ = 0;
    std::uint64_t walk_began_ns_ = 0;

    api::WorkerCounters counters_;
    std::array<api::PortAudit, api::ports_max> audits_{};
    std::uint32_t dirty_ports_ = 0;
    std::uint64_t now_ns_ = 0;
    std::uint64_t stage_mark_ = 0;  // TSC when the current stage began
    std::uint64_t rule_hits_ = 0;
    std::uint64_t texts_base_ = 0;  // scanned with matchers that are gone
    std::uint64_t texts_passed_base_ = 0;
};

}  // namespace picket
