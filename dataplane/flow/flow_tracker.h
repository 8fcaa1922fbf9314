// The flow stage of one worker: every packet finds its flow, begins one, or gets an outcome; flows end.
//
// When does a packet continue a flow? When its own time is within the idle timeout of the flow's last
// packet, before or after, however late the timer wheel is; and, for TCP, when it does not open a connection
// of its own. So results depend neither on the wheel nor on burst boundaries.
// The active timeout cuts a part when a packet arrives after it; a silent flow is not cut, its record leaves
// at its idle timeout, at most one wheel tick (1.07 s) and the backlog of the wheel later.
//
// A packet with packet_quoted is none: it marks the flow that an ICMP error is about, if a packet at its time
// would continue that flow, and has neither flow nor outcome (Tracked::cold is no_index, outcome is count_).
//
// A packet with packet_copy counts in its flow, but tells nothing of TCP or payload, and opens no connection.
// Where the flow does not know what it is a copy of, because that was folded, it begins it as any other.
//
// Not thread-safe: one worker's. noexcept and without allocation after construction if the table is fixed.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "dataplane/api/counters.h"
#include "dataplane/api/events.h"
#include "dataplane/api/mailbox.h"
#include "dataplane/flow/flow_table.h"
#include "dataplane/flow/folder.h"
#include "dataplane/flow/ordinary_packet.h"
#include "dataplane/flow/timer_wheel.h"
#include "dataplane/parse/packet.h"

namespace picket::flow {

struct FlowSettings {
    std::size_t capacity = 4'000'000;
    bool fixed = true;            // false in replay: the table grows
    double fold_above_share = 0;  // of the capacity, where folding begins; 0: never
    std::array<std::uint64_t, activity_count> idle_timeout_ns{15'000'000'000, 75'000'000'000, 300'000'000'000,
                                                              15'000'000'000};  // by Activity
    std::uint64_t active_timeout_ns = 120'000'000'000;
    std::uint8_t payload_bytes = 16;  // of FlowDirection::payload_first
    std::uint64_t id_base = 0;        // live: upper bits of the ids of this worker
    bool id_from_sequence = false;    // replay: id = position of the first packet + 1, whatever the workers
    std::uint32_t paired_ports = 0;   // bit i: port i shares its link with others, as a tap's two do
};

// Where records go.
class RecordSink {
  public:
    virtual ~RecordSink() = default;
    // A record that is complete but for its header.
    virtual void flow_record(const api::FlowRecord& record) noexcept = 0;
    // A snapshot of a flow whose initiator sends its third SYN and has got no answer.
    virtual void flow_attempt(const api::FlowRecord&) noexcept {}
    // The flow's last record follows: what other stages hold for it must be finished and given back.
    virtual void flow_ending(HotFlow& hot, ColdFlow& cold) noexcept = 0;
};

// What became of a packet: the cold index of its flow, or no_index and an outcome.
struct Tracked {
    HotFlow* hot = nullptr;  // valid until the next track() or turn_wheel()
    std::uint32_t cold = no_index;
    api::Outcome outcome = api::Outcome::count_;
    bool begun = false;            // the packet is the first of its flow
    bool amid = false;             // TCP: SegmentPlace::amid
    bool lost = false;             // TCP: bytes of the flow had been acknowledged and not seen
    bool gap = false;              // TCP: bytes before its payload have not been seen
    std::uint32_t gap_bytes = 0;   // how many, 0 if the number is far outside of the window
    std::uint32_t seen_bytes = 0;  // TCP: leading payload bytes that were seen before
    // Of the flow as it was after this packet: what payload rules ask for must not depend on what else the
    // burst held.
    std::uint32_t side_bytes = 0;  // HotFlow::bytes of the packet's side
    std::uint16_t marks = 0;       // HotFlow::marks
};

class FlowTracker {
  public:
    FlowTracker(const FlowSettings& settings, const KeyedHash& hash, RecordSink& sink);

    [[nodiscard]] FlowTable& table() noexcept { return table_; }
    [[nodiscard]] Folder& folder() noexcept { return folder_; }

    // Has the packets' lines fetched; some time before track(), but in groups of no fewer than ten.
    // PERF: one for each packet within the parser's loop, each waited for its page walk with only a few
    // others on the way (10 M flows: 102 ns a packet in place of 25).
    void prefetch(std::span<const parse::Packet> packets) const noexcept {
        for (const auto& packet : packets) table_.prefetch(packet.hash);
    }

    // Packets carry their key and hash. results.size() >= packets.size(). Returns how
    // many packets were done, at least one: it stops before a packet that makes a record leave, so that the
    // stages behind can finish with the flow's earlier packets first; the caller then comes again with the
    // rest.
    [[nodiscard]] std::size_t track(std::span<const parse::Packet> packets,
                                    std::span<Tracked> results) noexcept;

    // Tells a flow of the transport header and payload of a packet that was counted earlier, as a fragment.
    // No index in the result: the flow is over.
    [[nodiscard]] Tracked tell_late(const parse::Packet& packet) noexcept;

    // Ends the flows whose idle timeout lies before now_ns; visits a bounded number. Returns whether more
    // is due.
    bool turn_wheel(std::uint64_t now_ns) noexcept;

    // Ends flows until the table is empty: the input is over. last_ns: the input's last packet time.
    // forced: the data plane was told to stop, the timers were not waited out.
    void end_all(std::uint64_t last_ns, bool forced) noexcept;

    // Emits snapshots of the flows among the next `records` cold records that pass the filter; begins at
    // `position` and returns the next position, at least FlowTable::records() when it is through. Goes by
    // cold records because they stay where they are while the table moves its entries.
    std::size_t walk(std::size_t position, std::size_t records, std::uint64_t walk_id,
                     const api::WalkFilter& filter, RecordSink& sink) noexcept;

    void publish(api::WorkerCounters& counters) const noexcept;

  private:
    static constexpr std::size_t batch_max = 64;
    using Entries = std::array<HotFlow*, batch_max>;
    // The entries of known flows, nullptr for packets of no known flow.
    void look_up(std::span<const parse::Packet> packets, Entries& entries) noexcept;
    // Anything but an ordinary packet. hot: its entry if look_up() found it.
    // Returns false, and has done nothing, if a record would leave and may_emit is false.
    [[nodiscard]] bool track_one(const parse::Packet& packet, HotFlow* hot, bool may_emit,
                                 Tracked& result) noexcept;
    [[nodiscard]] HotFlow* begin_flow(const parse::Packet& packet, const Ipv6Sides* ipv6,
                                      api::Outcome& outcome) noexcept;
    [[nodiscard]] bool continues(const HotFlow& hot, const parse::Packet& packet) noexcept;
    void begin(HotFlow& hot, const parse::Packet& packet) noexcept;
    void mark_quoted(HotFlow& hot, const parse::Packet& packet) noexcept;
    void begin_side(HotFlow& hot, ColdFlow& cold, const parse::Packet& packet) noexcept;
    void update(HotFlow& hot, const parse::Packet& packet, Tracked& result) noexcept;
    void update_tcp(HotFlow& hot, const parse::Packet& packet, Tracked& result) noexcept;
    void tell_attempt(HotFlow& hot, const parse::Packet& packet) noexcept;
    void note_first_payload(HotFlow& hot, const parse::Packet& packet) noexcept;
    [[nodiscard]] bool part_is_due(const HotFlow& hot, const parse::Packet& packet) noexcept;
    void begin_part(HotFlow& hot, ColdFlow& cold, std::uint64_t time_ns) noexcept;
    void emit(HotFlow& hot, api::EndReason reason, bool final) noexcept;
    void visit_due(std::span<const std::uint32_t> due, std::uint64_t now_ns) noexcept;
    [[nodiscard]] bool has_lost(const HotFlow& hot) noexcept {
        return (hot.marks & mark_unseen) != 0 && flow::has_lost(table_.cold(hot.cold));
    }
    [[nodiscard]] bool is_over(const HotFlow& hot, std::uint64_t now_ns) const noexcept;
    void end_flow(std::uint32_t cold) noexcept;
    void end_with_input(HotFlow& hot, std::uint64_t last_ns, bool forced) noexcept;
    void file_timer(const HotFlow& hot, std::uint64_t now_ns) noexcept;
    [[nodiscard]] std::uint64_t idle_timeout(const HotFlow& hot) const noexcept {
        return settings_.idle_timeout_ns[static_cast<std::size_t>(activity_of(hot))];
    }

    FlowSettings settings_;
    OrdinaryLimits limits_;
    FlowTable table_;
    Folder folder_;
    TimerWheel wheel_;
    bool wheel_started_ = false;
    RecordSink* sink_;
    std::uint64_t created_ = 0;
    std::uint64_t created_before_batch_ = 0;
    std::uint64_t ended_ = 0;
    std::uint64_t parts_cut_ = 0;
};

}  // namespace picket::flow
