#include "dataplane/pipeline.h"

#include <x86intrin.h>

#include <utility>

#include "dataplane/flow/flow_record.h"
#include "dataplane/http/normalize_uri.h"
#include "dataplane/steer/owner.h"

namespace picket {
namespace {

// PERF: a frame lies where the NIC has put it, at best in the last level cache.
constexpr std::size_t frames_ahead = 6;
constexpr std::size_t frame_addresses_at = 26;  // a frame may begin anywhere in a line

// PERF: while one group's lines are on their way the next one is parsed.
constexpr std::size_t prefetch_group = 16;

// Packets of a burst by kind.
//
// PERF: TCP, UDP and ICMP are counted in one word, whose addend a table has: of comparisons the compiler
// makes branches, and a mix of protocols cannot be predicted.
class KindCounts {
  public:
    void add(const parse::Packet& packet) noexcept {
        ++all_;
        protocols_ += addends[packet.key.protocol];
        ipv6_ += packet.ipv6 != nullptr ? 1 : 0;
        vlan_ += (packet.flags & parse::packet_vlan) != 0 ? 1 : 0;
        fragment_ += (packet.flags & parse::packet_fragment) != 0 ? 1 : 0;
    }
    void add_to(api::WorkerCounters& counters) const noexcept {
        const std::uint64_t tcp = protocols_ & field_mask;
        const std::uint64_t udp = protocols_ >> udp_shift & field_mask;
        const std::uint64_t icmp = protocols_ >> icmp_shift & field_mask;
        counters.packets_ipv4 += all_ - ipv6_;
        counters.packets_ipv6 += ipv6_;
        counters.packets_vlan += vlan_;
        counters.packets_fragment += fragment_;
        counters.packets_tcp += tcp;
        counters.packets_udp += udp;
        counters.packets_icmp += icmp;
        counters.packets_other_ip += all_ - tcp - udp - icmp;
    }

  private:
    static constexpr unsigned udp_shift = 16;
    static constexpr unsigned icmp_shift = 32;
    static constexpr std::uint64_t field_mask = 0xffff;
    static_assert(packets_max <= field_mask);
    static constexpr std::array<std::uint64_t, 256> addends = [] {
        std::array<std::uint64_t, 256> made{};
        made[parse::protocol_tcp] = 1;
        made[parse::protocol_udp] = std::uint64_t{1} << udp_shift;
        made[parse::protocol_icmp] = made[parse::protocol_icmpv6] = std::uint64_t{1} << icmp_shift;
        return made;
    }();

    std::uint64_t all_ = 0;
    std::uint64_t protocols_ = 0;
    std::uint64_t ipv6_ = 0;
    std::uint64_t vlan_ = 0;
    std::uint64_t fragment_ = 0;
};

fragment::FragmentSettings fragment_settings(const PipelineSettings& settings) {
    fragment::FragmentSettings fragments = settings.fragments;
    fragments.times_jump = !settings.flow.fixed;  // replay
    return fragments;
}

}  // namespace

Pipeline::Pipeline(const PipelineSettings& settings, const flow::KeyedHash& hash, emit::Emitter& emitter,
                   steer::Mesh* mesh, api::WorkerArea& area)
    : settings_(settings),
      emitter_(&emitter),
      mesh_(mesh),
      area_(&area),
      fragments_(fragment_settings(settings), hash, *this),
      tracker_(settings.flow, hash, *this),
      fold_reporter_(tracker_.folder().tables(), emitter),
      request_stage_(settings.http, tracker_.table(), requests_, *this),
      flow_bits_(settings.flowbit_records) {
    if (settings.duplicates != Duplicates::ignore) window_.emplace();
    tracker_.folder().set_interest({[](void* self, const parse::Packet& packet) noexcept {
                                        return static_cast<Pipeline*>(self)->interest_in(packet);
                                    },
                                    this});
}

Pipeline::~Pipeline() {
    delete matcher_;
    delete filter_;
}

// The stages, in order.
void Pipeline::process(std::span<const rx::Frame> frames, Origin origin) noexcept {
    stage_mark_ = __rdtsc();
    now_ns_ = frames.back().time_ns;
    frames_ = frames;
    if (filter_ != nullptr && !filter_->is_empty() && origin != Origin::mesh) [[unlikely]]
        copy_frames(frames);
    parse_burst(frames, origin);
    take_stage_time(api::Stage::parse);
    if (settings_.workers != 1) {
        steer_burst(frames, origin);
        take_stage_time(api::Stage::steer);
    }
    if (window_) {
        find_duplicates();
        take_stage_time(api::Stage::copies);
    }
    if (fragments_came_ || fragments_.waits()) [[unlikely]]
        place_fragments();
    run_flows();
    frames_ = {};
    publish();
    take_stage_time(api::Stage::emit);
}

// A burst is run through flow to emit in as many stretches as records leave in its middle
// (FlowTracker::track), which is one nearly always.
void Pipeline::run_flows() noexcept {
    for (std::size_t from = 0; from < packet_count_;) {
        payloads_next_ = payloads_end_ = from;
        const std::size_t to = track_flows(from);
        take_stage_time(api::Stage::flow);
        find_requests(from, to);
        take_stage_time(api::Stage::http);
        payloads_end_ = to;
        flush_requests();
        keep_packets(from, to);
        from = to;
    }
    packet_count_ = 0;
    payloads_next_ = payloads_end_ = 0;
}

void Pipeline::take_stage_time(api::Stage stage) noexcept {
    const std::uint64_t now = __rdtsc();
    counters_.cycles_stage[static_cast<std::size_t>(stage)] += now - stage_mark_;
    stage_mark_ = now;
}

void Pipeline::parse_burst(std::span<const rx::Frame> frames, Origin origin) noexcept {
    std::size_t count_parsed = 0;
    std::size_t count_prefetched = 0;
    rare_flags_ = 0;
    quotes_ = false;
    // A copy, because the compiler must take the secrets for changed after each packet that is stored.
    const flow::KeyedHash hash = tracker_.table().hasher();
    count_frames(frames, origin);
    for (std::size_t i = 0; i < frames.size(); ++i) {
        const rx::Frame& frame = frames[i];
        if (i + frames_ahead < frames.size())
            __builtin_prefetch(frames[i + frames_ahead].data + frame_addresses_at);
        frame_of_[count_parsed] = static_cast<std::uint8_t>(i);
        if (parse::parse_plain(frame, hash, packets_[count_parsed])) {
            ++count_parsed;
        } else {
            count_parsed += parse_rare(frame, count_parsed);
        }
        if (count_parsed - count_prefetched >= prefetch_group) {
            tracker_.prefetch(std::span(packets_).first(count_parsed).subspan(count_prefetched));
            count_prefetched = count_parsed;
        }
    }
    tracker_.prefetch(std::span(packets_).first(count_parsed).subspan(count_prefetched));
    packet_count_ = count_parsed;
    fragments_came_ = (rare_flags_ & parse::packet_fragment) != 0;
}

// PERF: by stretches of one port, since a burst hardly has several: a counter in memory that each packet
// reads and writes is a chain of its own.
void Pipeline::count_frames(std::span<const rx::Frame> frames, Origin origin) noexcept {
    for (std::size_t at = 0; at < frames.size();) {
        const std::uint16_t number = frames[at].port;
        api::PortAudit counted;
        for (; at < frames.size() && frames[at].port == number; ++at) {
            ++counted.received;
            counted.received_bytes += frames[at].wire_length;
            counted.taken_in += frames[at].quote_only ? 0 : 1;
        }
        api::PortAudit& port = audit(number);
        if (origin == Origin::queue) {
            port.received += counted.received;
            port.received_bytes += counted.received_bytes;
        } else if (origin == Origin::mesh) {
            port.taken_in += counted.taken_in;
        }
    }
}

// Not the short way: returns how many packets there are from packets_[at] on, 0 if an outcome was counted, 2
// if the frame is an ICMP error: then the second is what it quotes.
std::size_t Pipeline::parse_rare(const rx::Frame& frame, std::size_t at) noexcept {
    const flow::KeyedHash& hash = tracker_.table().hasher();
    parse::Packet& packet = packets_[at];
    if (const auto outcome = parse::parse_frame(frame, settings_.parse, hash, packet)) {
        if (!frame.quote_only) count(frame.port, *outcome);
        return 0;
    }
    packet.hash = hash(packet.key);
    rare_flags_ |= packet.flags;
    if ((packet.flags & parse::packet_icmp_error) == 0) return frame.quote_only ? 0 : 1;
    parse::Packet& quoted = packets_[at + 1];
    if (!parse::parse_quoted(packet, settings_.parse, hash, quoted)) return frame.quote_only ? 0 : 1;
    quoted.hash = hash(quoted.key);
    quotes_ = true;
    if (frame.quote_only) {
        packet = quoted;
        return 1;
    }
    frame_of_[at + 1] = frame_of_[at];
    return 2;
}

std::size_t Pipeline::track_flows(std::size_t from) noexcept {
    const std::size_t done = tracker_.track(std::span(packets_).subspan(from, packet_count_ - from),
                                            std::span(tracked_).subspan(from));
    if (copies_) [[unlikely]]
        silence_copies(from, from + done);
    const bool watching = matcher_ != nullptr && matcher_->rules().watch_list_count() != 0;
    KindCounts kinds;
    marks_seen_ = 0;
    wanted_count_ = 0;
    std::uint16_t port = packets_[from].port;
    std::uint64_t in_flows = 0;
    for (std::size_t i = from; i < from + done; ++i) {
        const parse::Packet& packet = packets_[i];
        if (tracked_[i].cold == flow::no_index) {
            if ((packet.flags & parse::packet_quoted) != 0) continue;
            count(packet.port, tracked_[i].outcome);
            continue;
        }
        if (packet.port != port) {  // PERF: see count_frames()
            audits_[std::exchange(port, packet.port)].in_flows += std::exchange(in_flows, 0);
        }
        ++in_flows;
        kinds.add(packet);
        marks_seen_ |= tracked_[i].marks;
        note_wanted(i);
        if (tracked_[i].begun && watching) look_up_watch_lists(i);
    }
    audits_[port].in_flows += in_flows;
    kinds.add_to(counters_);
    return from + done;
}

void Pipeline::find_requests(std::size_t from, std::size_t to) noexcept {
    const std::span wanted = std::span(wanted_).first(wanted_count_);
    // PERF: for all packets first what the next round reads: each of a followed flow waited for its cold
    // record and then for its state, 142 ns a packet of web traffic in place of NEW.
    for (const std::uint8_t i : wanted) {
        // Requests and responses begin with a capital letter, and touch the whole record.
        const unsigned letter = *packets_[i].payload - unsigned{'A'};
        if (letter < 26) {
            tracker_.table().prefetch_record(tracked_[i].cold);
        } else if ((tracked_[i].marks & flow::mark_http) != 0) {
            tracker_.table().prefetch_http(tracked_[i].cold);
        }
    }
    for (const std::uint8_t i : wanted) {
        if ((tracked_[i].marks & flow::mark_http) != 0) request_stage_.prefetch_state(tracked_[i].cold);
    }
    if (request_stage_.holds_segments()) {
        find_in_order(from, to);
        return;
    }
    for (const std::uint8_t i : wanted) {
        look_at(i);
        request_stage_.inspect(packets_[i], tracked_[i]);
        if (request_stage_.holds_segments()) {
            find_in_order(i + 1u, to);
            return;
        }
    }
}

// While segments wait, packets without payload count too, each in its place.
void Pipeline::find_in_order(std::size_t from, std::size_t to) noexcept {
    for (std::size_t i = from; i < to; ++i) {
        const parse::Packet& packet = packets_[i];
        if (packet.key.protocol != parse::protocol_tcp || tracked_[i].cold == flow::no_index) continue;
        look_at(i);
        if (packet.payload_captured != 0) {
            request_stage_.inspect(packet, tracked_[i]);
        } else if ((packet.flags & parse::packet_later_fragment) == 0) {
            request_stage_.inspect_bare(packet, tracked_[i]);
        }
    }
}

void Pipeline::housekeep(std::uint64_t now_ns, bool idle) noexcept {
    now_ns_ = now_ns;
    if (matchers_.has_offer()) adopt_matcher();
    if (filters_.has_offer()) adopt_filter();
    turn_timers(now_ns);
    fold_reporter_.step(now_ns);
    emitter_->tell_hit_counts(now_ns);
    if (walk_id_.load(std::memory_order_acquire) != 0) walk_step(idle);
}

void Pipeline::publish() noexcept {
    tracker_.publish(counters_);
    fragments_.publish(counters_);
    request_stage_.publish(counters_);
    if (window_) counters_.duplicates_displaced = window_->displaced();
    counters_.flowbit_records_active = flow_bits_.records_in_use();
    emitter_->count_into(counters_);
    counters_.packet_ns = now_ns_;
    if (matcher_ != nullptr) {
        const auto& matched = matcher_->counters();
        counters_.texts_scanned = texts_base_ + matched.requests + matched.payloads;
        counters_.texts_passed = texts_passed_base_ + matched.requests_passed;
    }
    area_->sequence.write_begin();
    api::store_words(area_->counters, counters_);
    for (std::uint32_t port = 0; port < settings_.ports; ++port) {
        if ((dirty_ports_ & 1u << port) != 0) api::store_words(area_->ports[port], audits_[port]);
    }
    area_->sequence.write_end();
    dirty_ports_ = 0;
    emitter_->publish();
}

void Pipeline::finish(std::uint64_t last_ns, bool forced) noexcept {
    // A live ring cannot hold a whole table: the reader is waited for, as long as there is one.
    constexpr std::uint64_t patience_ns = 2'000'000'000;
    if (forced) emitter_->wait_at_most(patience_ns);
    give_up_fragments();
    tracker_.end_all(last_ns, forced);
    fold_reporter_.finish(last_ns);
    emitter_->finish_hit_counts(last_ns);
    dirty_ports_ = 0xffffffff;
    publish();
    emitter_->note(api::EventKind::input_done, 0, last_ns);
    publish();
}

void Pipeline::flow_record(const api::FlowRecord& record) noexcept {
    const bool live = record.end_reason == api::EndReason::live;
    if (!live) count_recorded(record);
    if (!live && emitter_->pressed() && flow::may_be_folded(record)) {
        tracker_.folder().tables().add_record(record);
        return;
    }
    emitter_->flow(record, live ? api::EventKind::flow_live : api::EventKind::flow, now_ns_);
}

void Pipeline::flow_attempt(const api::FlowRecord& record) noexcept {
    if (!emitter_->pressed()) emitter_->flow(record, api::EventKind::flow_live, now_ns_);
}

void Pipeline::flow_ending(flow::HotFlow& hot, flow::ColdFlow& cold) noexcept {
    request_stage_.finish(hot, cold, hot.last_ns);
    if ((hot.marks & flow::mark_rules) != 0) flow_bits_.forget(hot.cold);
}

void Pipeline::adopt_matcher() noexcept {
    match::Matcher* fresh = matchers_.take();
    if (fresh == nullptr) return;
    if (matcher_ != nullptr) {
        const auto& matched = matcher_->counters();
        texts_base_ += matched.requests + matched.payloads;
        texts_passed_base_ += matched.requests_passed;
        matchers_.retire(matcher_);
    }
    matcher_ = fresh;
    request_stage_.want(fresh->rules().wants_bodies(), fresh->rules().wants_responses());
    counters_.rules_generation = fresh->rules().generation();
    emitter_->note(api::EventKind::rules_adopted, fresh->rules().generation(), now_ns_);
    publish();
}

void Pipeline::begin_walk(std::uint64_t walk_id, const api::WalkFilter& filter) noexcept {
    walk_filter_ = filter;
    walk_position_ = 0;
    walk_id_.store(walk_id, std::memory_order_release);
}

void Pipeline::walk_step(bool idle) noexcept {
    // PERF: empty records cost a nanosecond or two; a busy worker must not pause for more than microseconds.
    const std::size_t records_a_step = idle ? 16'384 : 256;
    if (emitter_->half_full()) return;
    const std::uint64_t id = walk_id_.load(std::memory_order_relaxed);
    if (walk_position_ == 0) walk_began_ns_ = now_ns_;
    walk_position_ = tracker_.walk(walk_position_, records_a_step, id, walk_filter_, *this);
    if (walk_position_ < tracker_.table().records()) return;
    emitter_->note(api::EventKind::walk_done, id, walk_began_ns_);
    walk_id_.store(0, std::memory_order_release);
}

}  // namespace picket
