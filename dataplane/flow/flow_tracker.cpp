#include "dataplane/flow/flow_tracker.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

#include "dataplane/api/setup_error.h"
#include "dataplane/flow/far_sides.h"
#include "dataplane/flow/flow_record.h"
#include "dataplane/flow/tcp_tracking.h"

namespace picket::flow {
namespace {

Ipv6Sides ipv6_sides(const parse::Packet& packet) noexcept {
    Ipv6Sides sides;
    std::memcpy(sides.a.data(), packet.ipv6 + (packet.side != 0 ? 16 : 0), 16);
    std::memcpy(sides.b.data(), packet.ipv6 + (packet.side != 0 ? 0 : 16), 16);
    return sides;
}

// Keeps the flow's last packet time and, as a distance from it, the other side's.
void note_time(HotFlow& hot, FlowTable& table, const parse::Packet& packet) noexcept {
    const unsigned last_side = (hot.marks & mark_last_side_b) != 0 ? 1 : 0;
    const std::uint64_t time = packet.time_ns;
    if (packet.side == last_side) {
        if (time <= hot.last_ns) return;
        if ((hot.marks & (mark_other_seen | mark_other_last_cold)) == mark_other_seen) {
            const std::uint64_t quiet = hot.quiet_ns + (time - hot.last_ns);
            if (quiet > 0xffffffff) {
                table.cold(hot.cold).last_other_ns = hot.last_ns - hot.quiet_ns;
                hot.marks |= mark_other_last_cold;
            } else {
                hot.quiet_ns = static_cast<std::uint32_t>(quiet);
            }
        }
        hot.last_ns = time;
        return;
    }
    if (time >= hot.last_ns) {
        // The sides change roles: the one that was last is now the quiet one.
        const std::uint64_t quiet = time - hot.last_ns;
        hot.marks = static_cast<std::uint16_t>((hot.marks & ~mark_other_last_cold) ^ mark_last_side_b);
        if (quiet > 0xffffffff) {
            table.cold(hot.cold).last_other_ns = hot.last_ns;
            hot.marks |= mark_other_last_cold;
        }
        hot.quiet_ns = static_cast<std::uint32_t>(quiet);
        hot.last_ns = time;
    } else if ((hot.marks & mark_other_seen) == 0 ||
               last_ns_of(hot, table.cold(hot.cold), packet.side) < time) {
        // Older than the flow's last packet, but the newest of its own side.
        const std::uint64_t quiet = hot.last_ns - time;
        hot.marks &= static_cast<std::uint16_t>(~mark_other_last_cold);
        if (quiet > 0xffffffff) {
            table.cold(hot.cold).last_other_ns = time;
            hot.marks |= mark_other_last_cold;
        }
        hot.quiet_ns = static_cast<std::uint32_t>(quiet);
    }
    hot.marks |= mark_other_seen;
}

}  // namespace

FlowTracker::FlowTracker(const FlowSettings& settings, const KeyedHash& hash, RecordSink& sink)
    : settings_(settings),
      table_(hash, settings.capacity, settings.fixed),
      folder_(hash, settings.capacity, settings.fold_above_share),
      sink_(&sink) {
    // One tick early, so that the coarse test never misses what the exact one would find.
    limits_.part_ticks = static_cast<std::uint16_t>(
        std::min<std::uint64_t>(settings.active_timeout_ns >> part_tick_shift, 0x7fff));
    for (std::size_t i = 0; i < activity_count; ++i) {
        limits_.gap_ns_max[i] = std::min(settings.idle_timeout_ns[i], settings.active_timeout_ns);
    }
    if (!wheel_.provide(table_.capacity())) {
        throw SetupError("flow table",
                         "no memory for the timers of " + std::to_string(table_.capacity()) + " flows",
                         "lower flow.capacity");
    }
    if (settings.fixed) wheel_.populate();
}

namespace {

// Whether the packet brings what is kept beyond the hot line: the first of its side, a new TCP flag, first
// payload, the first bare acknowledgment. May be wrong, either way.
//
// PERF: fetched ahead of track_one(), whose waits for the cold record took 730 ms of a replay of 10 M
// packets in 900,000 flows.
bool touches_record(const HotFlow& hot, const parse::Packet& packet) noexcept {
    const unsigned side = packet.side;
    const bool turned = side != ((hot.marks & mark_last_side_b) != 0 ? 1u : 0u);
    bool touches = turned & ((hot.marks & mark_other_seen) == 0);
    touches |= (packet.tcp_flags & ~hot.tcp_flags[side]) != 0;
    touches |= (packet.payload_captured != 0) & ((hot.marks & unsigned{mark_data_a} << side) == 0);
    touches |= (packet.key.protocol == parse::protocol_tcp) & (packet.payload_length == 0) &
               ((hot.marks & unsigned{mark_ack_a} << side) == 0);
    return touches;
}

}  // namespace

std::size_t FlowTracker::track(std::span<const parse::Packet> packets, std::span<Tracked> results) noexcept {
    packets = packets.first(std::min(packets.size(), batch_max));
    Entries entries;
    look_up(packets, entries);
    for (std::size_t i = 0; i < packets.size(); ++i) {
        if (entries[i] != nullptr && touches_record(*entries[i], packets[i]))
            table_.prefetch_news(entries[i]->cold, packets[i].side,
                                 packets[i].key.protocol == parse::protocol_tcp);
    }
    if (folder_.presses(table_.entries())) {
        for (const auto& packet : packets) folder_.prefetch(packet);
    }
    const std::uint32_t growths = table_.growths();
    created_before_batch_ = created_;
    std::size_t done = 0;
    for (; done < packets.size(); ++done) {
        const parse::Packet& packet = packets[done];
        HotFlow* hot = table_.growths() == growths ? entries[done] : nullptr;
        if (hot != nullptr && update_ordinary(*hot, packet, limits_)) {
            results[done] = Tracked{
                .hot = hot, .cold = hot->cold, .side_bytes = hot->bytes[packet.side], .marks = hot->marks};
        } else if (!track_one(packet, hot, done == 0, results[done])) {
            break;
        }
    }
    folder_.settle();
    if (table_.growths() != growths) {
        for (Tracked& result : results.first(done)) {
            if (result.cold != no_index) result.hot = &table_.hot_of(result.cold);
        }
    }
    return done;
}

// PERF: in rounds over the whole batch. A lookup that goes on to the next line by itself waits for memory,
// and a quarter of the flows of a half full table are not in their home line, a tenth not in the next.
void FlowTracker::look_up(std::span<const parse::Packet> packets, Entries& entries) noexcept {
    std::uint64_t further = 0;
    bool any_ipv6 = false;
    for (std::size_t i = 0; i < packets.size(); ++i) {
        const FlowTable::Look look = table_.look(packets[i].key, packets[i].hash, 0);
        entries[i] = look.hot;
        further |= std::uint64_t{look.further} << i;
        any_ipv6 |= packets[i].ipv6 != nullptr;
    }
    for (std::size_t distance = 1; further != 0; ++distance) {
        std::uint64_t again = 0;
        for (; further != 0; further &= further - 1) {
            const auto i = static_cast<std::size_t>(std::countr_zero(further));
            const FlowTable::Look look = table_.look(packets[i].key, packets[i].hash, distance);
            entries[i] = look.hot;
            again |= std::uint64_t{look.further} << i;
        }
        further = again;
    }
    if (!any_ipv6) return;
    for (std::size_t i = 0; i < packets.size(); ++i) {
        if (packets[i].ipv6 != nullptr && entries[i] != nullptr) table_.prefetch_addresses(*entries[i]);
    }
    for (std::size_t i = 0; i < packets.size(); ++i) {
        if (packets[i].ipv6 == nullptr || entries[i] == nullptr) continue;
        const std::uint8_t* a = packets[i].ipv6 + 16 * packets[i].side;
        const std::uint8_t* b = packets[i].ipv6 + 16 - 16 * packets[i].side;
        if (!table_.is_of(*entries[i], a, b)) entries[i] = nullptr;
    }
}

// nullptr and the outcome that names why if the packet begins none.
HotFlow* FlowTracker::begin_flow(const parse::Packet& packet, const Ipv6Sides* ipv6,
                                 api::Outcome& outcome) noexcept {
    const std::size_t entries = table_.entries();
    const Admission admission = folder_.presses(entries) ? folder_.admit(packet, entries) : Admission::begin;
    outcome = admission == Admission::fold ? api::Outcome::folded : api::Outcome::table_full;
    if (admission == Admission::fold) return nullptr;
    if (entries >= wheel_.provided() && !wheel_.provide(entries * 2)) return nullptr;
    HotFlow* hot = table_.insert(packet.key, packet.hash, ipv6);
    if (hot == nullptr) return nullptr;
    begin(*hot, packet);
    if (admission == Admission::begin_late) table_.cold(hot->cold).flags |= api::flow_first_folded;
    file_timer(*hot, packet.time_ns);
    return hot;
}

bool FlowTracker::track_one(const parse::Packet& packet, HotFlow* hot, bool may_emit,
                            Tracked& result) noexcept {
    result = Tracked{};
    Ipv6Sides sides;
    if (packet.ipv6 != nullptr) sides = ipv6_sides(packet);
    const Ipv6Sides* ipv6 = packet.ipv6 != nullptr ? &sides : nullptr;
    // PERF: only a packet of the same batch can have begun the flow since it was looked up; to look again for
    // every packet of a flood took 13 ns of 65 (1 M flows, table full). Of IPv6 only digests were looked up.
    const bool may_be_new = created_ != created_before_batch_ || ipv6 != nullptr;
    if (hot == nullptr && may_be_new) hot = table_.find(packet.key, packet.hash, ipv6);
    if ((packet.flags & parse::packet_quoted) != 0) {
        if (hot != nullptr) mark_quoted(*hot, packet);
        return true;
    }
    if (hot == nullptr) {
        hot = begin_flow(packet, ipv6, result.outcome);
        if (hot == nullptr) return true;
        result.begun = true;
    } else if (!continues(*hot, packet)) {
        if (!may_emit) return false;
        const bool closed = activity_of(*hot) == Activity::closed;
        emit(*hot, closed ? api::EndReason::end_of_flow : api::EndReason::idle_timeout, true);
        // The entry stays where the wheel has filed it and serves the new flow.
        begin(*hot, packet);
        result.begun = true;
    } else if (part_is_due(*hot, packet)) {
        if (!may_emit) return false;
        emit(*hot, api::EndReason::active_timeout, false);
        begin_part(*hot, table_.cold(hot->cold), packet.time_ns);
    }
    result.hot = hot;
    result.cold = hot->cold;
    update(*hot, packet, result);
    if ((packet.tcp_flags & parse::tcp_syn) != 0) tell_attempt(*hot, packet);
    result.lost = has_lost(*hot);
    result.side_bytes = hot->bytes[packet.side];
    result.marks = hot->marks;
    return true;
}

bool FlowTracker::continues(const HotFlow& hot, const parse::Packet& packet) noexcept {
    const std::uint64_t distance =
        packet.time_ns >= hot.last_ns ? packet.time_ns - hot.last_ns : hot.last_ns - packet.time_ns;
    if (distance > idle_timeout(hot)) return false;
    if ((packet.tcp_flags & parse::tcp_syn) == 0 || (packet.flags & parse::packet_copy) != 0) return true;
    return !opens_new_connection(hot, table_.cold(hot.cold), packet);
}

void FlowTracker::mark_quoted(HotFlow& hot, const parse::Packet& packet) noexcept {
    const std::uint64_t distance =
        packet.time_ns >= hot.last_ns ? packet.time_ns - hot.last_ns : hot.last_ns - packet.time_ns;
    if (distance <= idle_timeout(hot)) note_quoted(table_.cold(hot.cold), table_.far(hot.cold), packet);
}

void FlowTracker::update(HotFlow& hot, const parse::Packet& packet, Tracked& result) noexcept {
    const unsigned side = packet.side;
    const unsigned last_side = (hot.marks & mark_last_side_b) != 0 ? 1 : 0;
    const bool first_of_side = side == last_side ? hot.packets[0] + hot.packets[1] == 0 &&
                                                       table_.cold(hot.cold).sides[side].first_ns == 0
                                                 : (hot.marks & mark_other_seen) == 0;
    if (first_of_side) begin_side(hot, table_.cold(hot.cold), packet);
    note_time(hot, table_, packet);
    ++hot.packets[side];
    const std::uint32_t bytes = hot.bytes[side] + packet.ip_bytes;
    if (bytes < packet.ip_bytes) table_.cold(hot.cold).sides[side].bytes_carry += std::uint64_t{1} << 32;
    hot.bytes[side] = bytes;
    if (packet.ttl != hot.ttl[side]) {
        ColdSide& cold = table_.cold(hot.cold).sides[side];
        cold.ttl_min = std::min(cold.ttl_min, packet.ttl);
        cold.ttl_max = std::max(cold.ttl_max, packet.ttl);
    }
    constexpr unsigned marking =
        parse::packet_fragment | parse::packet_payload_cut | parse::packet_inner_undecoded;
    if ((packet.flags & marking) != 0) {
        auto& flags = table_.cold(hot.cold).flags;
        if ((packet.flags & parse::packet_fragment) != 0) flags |= api::flow_fragments;
        if ((packet.flags & parse::packet_overlap) != 0) flags |= api::flow_fragments_overlap;
        if ((packet.flags & parse::packet_payload_cut) != 0) flags |= api::flow_payload_truncated;
        if ((packet.flags & parse::packet_inner_undecoded) != 0) flags |= api::flow_inner_undecoded;
    }
    if ((packet.flags & parse::packet_copy) != 0 && !result.begun) {
        note_copy(table_.cold(hot.cold), table_.far(hot.cold));
        return;
    }
    if (packet.key.protocol == parse::protocol_tcp && (packet.flags & parse::packet_later_fragment) == 0) {
        update_tcp(hot, packet, result);
    }
    if (packet.payload_captured != 0 && (hot.marks & (side == 0 ? mark_data_a : mark_data_b)) == 0) {
        note_first_payload(hot, packet);
    }
}

Tracked FlowTracker::tell_late(const parse::Packet& packet) noexcept {
    Tracked result;
    Ipv6Sides sides;
    if (packet.ipv6 != nullptr) sides = ipv6_sides(packet);
    HotFlow* hot = table_.find(packet.key, packet.hash, packet.ipv6 != nullptr ? &sides : nullptr);
    if (hot == nullptr) return result;
    result.hot = hot;
    result.cold = hot->cold;
    if (packet.key.protocol == parse::protocol_tcp) update_tcp(*hot, packet, result);
    if (packet.payload_captured != 0 && (hot->marks & (packet.side == 0 ? mark_data_a : mark_data_b)) == 0) {
        note_first_payload(*hot, packet);
    }
    result.lost = has_lost(*hot);
    result.side_bytes = hot->bytes[packet.side];
    result.marks = hot->marks;
    return result;
}

// Long before the flow's timeout: who waits for a scan's outcome has the third SYN after some ten seconds.
void FlowTracker::tell_attempt(HotFlow& hot, const parse::Packet& packet) noexcept {
    constexpr std::uint32_t syns_told = 3;
    const bool retry = (packet.tcp_flags & parse::tcp_ack) == 0 && hot.packets[packet.side] == syns_told;
    if (!retry || activity_of(hot) != Activity::opening || hot.packets[1 - packet.side] != 0) return;
    api::FlowRecord record;
    fill_record(table_.state_of(hot), record);
    record.end_reason = api::EndReason::live;
    sink_->flow_attempt(record);
}

void FlowTracker::update_tcp(HotFlow& hot, const parse::Packet& packet, Tracked& result) noexcept {
    const unsigned side = packet.side;
    ColdFlow& cold = table_.cold(hot.cold);  // an address only; nothing of it is touched yet
    const bool first_syn = (packet.tcp_flags & ~hot.tcp_flags[side] & parse::tcp_syn) != 0;
    if ((packet.tcp_flags & ~hot.tcp_flags[side]) != 0) track_flags(hot, cold, packet);
    if (activity_of(hot) == Activity::opening && side != initiator_side(hot)) {
        set_activity(hot, Activity::established);
    }
    SegmentPlace place;
    track_sequence(hot, cold, packet, first_syn, place);
    result.seen_bytes = place.seen_bytes;
    result.gap = place.gap;
    result.amid = place.amid;
    result.gap_bytes = place.gap_bytes;
    const unsigned ack_mark = side == 0 ? mark_ack_a : mark_ack_b;
    if (packet.payload_length == 0 && (hot.marks & ack_mark) == 0 &&
        (packet.tcp_flags & (parse::tcp_ack | parse::tcp_syn | parse::tcp_fin | parse::tcp_rst)) ==
            parse::tcp_ack) {
        hot.marks |= static_cast<std::uint16_t>(ack_mark);
        add_history(hot, cold, 'A', side);
    }
}

void FlowTracker::note_first_payload(HotFlow& hot, const parse::Packet& packet) noexcept {
    ColdFlow& cold = table_.cold(hot.cold);
    ColdSide& side = cold.sides[packet.side];
    const auto kept = std::min<std::uint32_t>({packet.payload_captured, settings_.payload_bytes, 16});
    std::memcpy(side.payload_first.data(), packet.payload, kept);
    side.payload_first_length = static_cast<std::uint8_t>(kept);
    hot.marks |= packet.side == 0 ? mark_data_a : mark_data_b;
    if (packet.key.protocol == parse::protocol_tcp) add_history(hot, cold, 'D', packet.side);
}

void FlowTracker::publish(api::WorkerCounters& counters) const noexcept {
    counters.flows_active = table_.entries();
    counters.flow_capacity = table_.capacity();
    counters.flows_created = created_;
    counters.flows_ended = ended_;
    counters.flow_parts_cut = parts_cut_;
    folder_.publish(counters);
}

}  // namespace picket::flow
