#include "dataplane/flow/flow_tracker.h"

#include <algorithm>
#include <cstring>

#include "dataplane/flow/flow_record.h"
#include "dataplane/flow/tcp_tracking.h"

namespace picket::flow {
namespace {

constexpr unsigned part_tick_shift = 27;
constexpr unsigned timer_visits_max = 128;  // a burst: bounds the pause when many flows end at once

std::uint16_t part_tick(std::uint64_t time_ns) noexcept {
    return static_cast<std::uint16_t>(time_ns >> part_tick_shift);
}

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
      // One tick early, so that the coarse test never misses what the exact one would find.
      active_ticks_(static_cast<std::uint16_t>(
          std::min<std::uint64_t>(settings.active_timeout_ns >> part_tick_shift, 0x7fff))),
      table_(hash, settings.capacity, settings.fixed),
      folder_(hash, settings.capacity, settings.fold_above_share),
      sink_(&sink) {}

std::size_t FlowTracker::track(std::span<const parse::Packet> packets, std::span<Tracked> results) noexcept {
    for (const auto& packet : packets) table_.prefetch(packet.hash);
    if (folder_.presses(table_.entries())) {
        for (const auto& packet : packets) folder_.prefetch(packet);
    }
    std::size_t done = 0;
    while (done < packets.size() && track_one(packets[done], done == 0, results[done])) ++done;
    folder_.settle();
    return done;
}

bool FlowTracker::track_one(const parse::Packet& packet, bool may_emit, Tracked& result) noexcept {
    result = Tracked{};
    Ipv6Sides sides;
    if (packet.ipv6 != nullptr) sides = ipv6_sides(packet);
    const Ipv6Sides* ipv6 = packet.ipv6 != nullptr ? &sides : nullptr;
    HotFlow* hot = table_.find(packet.key, packet.hash, ipv6);
    if (hot == nullptr) {
        const Admission admission = folder_.presses(table_.entries())
                                        ? folder_.admit(packet, table_.entries())
                                        : Admission::begin;
        if (admission == Admission::fold) {
            result.outcome = api::Outcome::folded;
            return true;
        }
        hot = table_.insert(packet.key, packet.hash, ipv6);
        if (hot == nullptr) {
            result.outcome = api::Outcome::table_full;
            return true;
        }
        begin(*hot, packet);
        if (admission == Admission::begin_late) table_.cold(hot->cold).flags |= api::flow_first_folded;
        file_timer(*hot, packet.time_ns);
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
    result.cold = hot->cold;
    update(*hot, packet, result);
    return true;
}

bool FlowTracker::continues(const HotFlow& hot, const parse::Packet& packet) noexcept {
    const std::uint64_t distance =
        packet.time_ns >= hot.last_ns ? packet.time_ns - hot.last_ns : hot.last_ns - packet.time_ns;
    if (distance > idle_timeout(hot)) return false;
    if ((packet.tcp_flags & parse::tcp_syn) == 0) return true;
    return !opens_new_connection(hot, table_.cold(hot.cold), packet);
}

// REQUIRES: hot.key and hot.cold are set. Everything else begins anew, but for what belongs to the entry.
void FlowTracker::begin(HotFlow& hot, const parse::Packet& packet) noexcept {
    const FlowKey key = hot.key;
    const std::uint32_t index = hot.cold;
    hot = HotFlow{};
    hot.key = key;
    hot.cold = index;
    ColdFlow& cold = table_.cold(index);
    const Ipv6Sides ipv6 = cold.ipv6;
    cold = ColdFlow{};
    cold.ipv6 = ipv6;
    cold.assembly = no_index;
    ++created_;
    cold.flow_id = settings_.id_from_sequence ? packet.sequence + 1 : settings_.id_base + created_;
    cold.start_ns = packet.time_ns;
    cold.vlan = packet.vlan;
    cold.vlan_inner = packet.vlan_inner;
    cold.port = packet.port;
    begin_part(hot, cold, packet.time_ns);
    hot.last_ns = packet.time_ns;
    // The sender is the initiator until a SYN or a reply proves otherwise.
    const bool answer = (packet.flags & parse::packet_icmp_reply) != 0;
    if (packet.side != (answer ? 1 : 0)) hot.marks |= mark_initiator_b;
    if (packet.side != 0) hot.marks |= mark_last_side_b;
    if (packet.key.protocol == parse::protocol_tcp) {
        const bool syn = (packet.tcp_flags & parse::tcp_syn) != 0;
        const bool opening = syn && (packet.tcp_flags & parse::tcp_ack) == 0;
        set_activity(hot, opening ? Activity::opening : Activity::established);
        if (!syn) cold.flags |= api::flow_midstream;
    }
}

void FlowTracker::begin_part(HotFlow& hot, ColdFlow& cold, std::uint64_t time_ns) noexcept {
    ++cold.part;
    cold.part_start_ns = time_ns;
    hot.part_tick = part_tick(time_ns);
    hot.packets = {};
    hot.bytes = {};
    cold.sides[0].bytes_carry = 0;
    cold.sides[1].bytes_carry = 0;
}

bool FlowTracker::part_is_due(const HotFlow& hot, const parse::Packet& packet) noexcept {
    if (hot.packets[packet.side] == 0xffffffff) return true;
    const auto ticks = static_cast<std::uint16_t>(part_tick(packet.time_ns) - hot.part_tick);
    // Ticks wrap after 2.4 h; a flow that was silent as long as that is due by its silence.
    const bool silent =
        packet.time_ns > hot.last_ns && packet.time_ns - hot.last_ns > settings_.active_timeout_ns;
    if (ticks < active_ticks_ && !silent) return false;
    // A packet from before the part's beginning looks like a large distance to the coarse ticks.
    const std::uint64_t start_ns = table_.cold(hot.cold).part_start_ns;
    return packet.time_ns > start_ns && packet.time_ns - start_ns > settings_.active_timeout_ns;
}

void FlowTracker::begin_side(HotFlow& hot, ColdFlow& cold, const parse::Packet& packet) noexcept {
    ColdSide& side = cold.sides[packet.side];
    side.first_ns = packet.time_ns;
    side.ip_id_first = packet.ip_id;
    side.ttl_min = packet.ttl;
    side.ttl_max = packet.ttl;
    side.tos_first = packet.tos;
    side.tcp_flags_first = packet.tcp_flags;
    hot.ttl[packet.side] = packet.ttl;
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
    if ((packet.flags & (parse::packet_fragment | parse::packet_payload_cut)) != 0) {
        auto& flags = table_.cold(hot.cold).flags;
        if ((packet.flags & parse::packet_fragment) != 0) flags |= api::flow_fragments;
        if ((packet.flags & parse::packet_payload_cut) != 0) flags |= api::flow_payload_truncated;
    }
    if (packet.key.protocol == parse::protocol_tcp && (packet.flags & parse::packet_later_fragment) == 0) {
        update_tcp(hot, packet, result);
    }
    if (packet.payload_captured != 0 && (hot.marks & (side == 0 ? mark_data_a : mark_data_b)) == 0) {
        note_first_payload(hot, packet);
    }
}

void FlowTracker::update_tcp(HotFlow& hot, const parse::Packet& packet, Tracked& result) noexcept {
    const unsigned side = packet.side;
    ColdFlow& cold = table_.cold(hot.cold);  // an address only; nothing of it is touched yet
    const bool first_syn = (packet.tcp_flags & ~hot.tcp_flags[side] & parse::tcp_syn) != 0;
    if ((packet.tcp_flags & ~hot.tcp_flags[side]) != 0) track_flags(hot, cold, packet);
    if (activity_of(hot) == Activity::opening && side != initiator_side(hot)) {
        set_activity(hot, Activity::established);
    }
    const SegmentPlace place = track_sequence(hot, cold, packet, first_syn);
    result.seen_bytes = place.seen_bytes;
    result.gap = place.gap;
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

void FlowTracker::emit(HotFlow& hot, api::EndReason reason, bool final) noexcept {
    if (final) sink_->flow_ending(hot, table_.cold(hot.cold));
    api::FlowRecord record;
    fill_record(hot, table_.cold(hot.cold), record);
    record.end_reason = reason;
    record.final = final ? 1 : 0;
    sink_->flow_record(record);
    if (final) {
        ++ended_;
    } else {
        ++parts_cut_;
    }
}

// Filed no later than the shortest timeout from now, since a flow's timeout may become shorter (a close).
void FlowTracker::file_timer(const HotFlow& hot, std::uint64_t now_ns) noexcept {
    if (!wheel_started_) {
        wheel_.start(now_ns);
        wheel_started_ = true;
    }
    const std::uint64_t shortest = settings_.idle_timeout_ns[static_cast<std::size_t>(Activity::closed)];
    wheel_.file(table_, hot.cold, std::min(hot.last_ns + idle_timeout(hot), now_ns + shortest));
}

void FlowTracker::visit_timer(std::uint32_t cold, std::uint64_t now_ns) noexcept {
    HotFlow& hot = table_.hot_of(cold);
    if (now_ns <= hot.last_ns || now_ns - hot.last_ns <= idle_timeout(hot)) {
        file_timer(hot, std::max(now_ns, hot.last_ns));
        return;
    }
    const bool closed = activity_of(hot) == Activity::closed;
    emit(hot, closed ? api::EndReason::end_of_flow : api::EndReason::idle_timeout, true);
    table_.erase(cold);
}

bool FlowTracker::turn_wheel(std::uint64_t now_ns) noexcept {
    if (!wheel_started_) return false;
    return wheel_.turn(table_, now_ns, timer_visits_max,
                       [this, now_ns](std::uint32_t cold) { visit_timer(cold, now_ns); });
}

void FlowTracker::end_all(std::uint64_t last_ns, bool forced) noexcept {
    for (std::size_t slot = 0; slot < table_.slots(); ++slot) {
        HotFlow* hot = table_.at(slot);
        if (hot == nullptr) continue;
        ColdFlow& cold = table_.cold(hot->cold);
        const bool waited_out = last_ns > hot->last_ns && last_ns - hot->last_ns > idle_timeout(*hot);
        const bool closed = activity_of(*hot) == Activity::closed;
        if (!waited_out && !closed) cold.flags |= api::flow_cut_short;
        auto reason = closed ? api::EndReason::end_of_flow : api::EndReason::idle_timeout;
        if (forced && !waited_out && !closed) reason = api::EndReason::forced_end;
        emit(*hot, reason, true);
    }
    table_.clear();
    wheel_ = TimerWheel{};
    wheel_started_ = false;
}

namespace {

bool within(const api::Address& address, const api::Prefix& prefix) noexcept {
    const unsigned bits = std::min<unsigned>(prefix.length, 128);
    const unsigned whole = bits / 8;
    if (std::memcmp(address.bytes.data(), prefix.address.bytes.data(), whole) != 0) return false;
    if (bits % 8 == 0) return true;
    const unsigned shift = 8 - bits % 8;
    return (address.bytes[whole] >> shift) == (prefix.address.bytes[whole] >> shift);
}

bool passes(const api::FlowRecord& record, const api::WalkFilter& filter) noexcept {
    if (filter.protocol != 0 && record.protocol != filter.protocol) return false;
    if (filter.port != 0 && record.source_port != filter.port && record.destination_port != filter.port)
        return false;
    const std::size_t count = std::min<std::size_t>(filter.prefix_count, api::walk_prefixes_max);
    if (count == 0) return true;
    return std::any_of(filter.prefixes.begin(), filter.prefixes.begin() + static_cast<std::ptrdiff_t>(count),
                       [&record](const api::Prefix& prefix) {
                           return within(record.source, prefix) || within(record.destination, prefix);
                       });
}

}  // namespace

std::size_t FlowTracker::walk(std::size_t position, std::size_t records, std::uint64_t walk_id,
                              const api::WalkFilter& filter, RecordSink& sink) noexcept {
    const std::size_t end = std::min(position + records, table_.records());
    for (; position < end; ++position) {
        const HotFlow* hot = table_.hot_in_use(static_cast<std::uint32_t>(position));
        if (hot == nullptr) continue;
        api::FlowRecord record;
        fill_record(*hot, table_.cold(hot->cold), record);
        record.end_reason = api::EndReason::live;
        record.walk_id = walk_id;
        if (passes(record, filter)) sink.flow_record(record);
    }
    return position;
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
