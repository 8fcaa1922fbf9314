// What an ordinary packet changes in its flow: time, packets, bytes, next sequence number, all in the hot
// line.
//
// Ordinary is: in time for the flow and its part, in sequence, nothing new about its side (TTL, TCP flags,
// first payload), nothing to be said of it in the cold record. Every other packet takes the long way through
// FlowTracker, whose result for an ordinary packet is the same (tests/property holds both against a model).
//
// PERF: the tests are gathered without branches, because TCP and UDP, and the two sides, alternate at random:
// one branch that is nearly never taken instead of fifteen, of which several cannot be predicted.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/flow/flow_entry.h"
#include "dataplane/parse/packet.h"

namespace picket::flow {

inline constexpr unsigned part_tick_shift = 27;

struct OrdinaryLimits {
    std::array<std::uint64_t, activity_count> gap_ns_max{};  // since the flow's last packet, by Activity
    std::uint16_t part_ticks = 0;                            // from here on the part may be due
};

// False, and nothing has changed, if the packet is not an ordinary one.
[[nodiscard]] inline bool update_ordinary(HotFlow& hot, const parse::Packet& packet,
                                          const OrdinaryLimits& limits) noexcept {
    constexpr std::uint8_t rare_flags = parse::tcp_syn | parse::tcp_fin | parse::tcp_rst;
    constexpr std::uint8_t rare_kinds =
        parse::packet_fragment | parse::packet_later_fragment | parse::packet_payload_cut;
    const unsigned side = packet.side;
    const unsigned marks = hot.marks;
    const bool tcp = packet.key.protocol == parse::protocol_tcp;
    const bool turned = side != ((marks & mark_last_side_b) != 0 ? 1u : 0u);
    const bool other_seen = (marks & mark_other_seen) != 0;
    // Wraps, and is too large, if the packet is older than the flow's last.
    const std::uint64_t gap_ns = packet.time_ns - hot.last_ns;
    const std::uint64_t quiet_ns = turned ? gap_ns : hot.quiet_ns + (other_seen ? gap_ns : 0);
    const std::uint32_t bytes = hot.bytes[side] + packet.ip_bytes;
    const auto ticks = static_cast<std::uint16_t>((packet.time_ns >> part_tick_shift) - hot.part_tick);
    const bool has_payload = packet.payload_length != 0;

    bool rare = gap_ns > limits.gap_ns_max[(marks & mark_activity) >> mark_activity_shift];
    rare |= quiet_ns > 0xffffffff;
    rare |= ticks >= limits.part_ticks;
    rare |= (marks & (mark_other_last_cold | mark_unseen)) != 0;
    rare |= turned & !other_seen;
    rare |= hot.packets[side] == 0xffffffff;
    rare |= bytes < packet.ip_bytes;
    rare |= packet.ttl != hot.ttl[side];
    rare |= (packet.flags & rare_kinds) != 0;
    rare |= (packet.tcp_flags & (~hot.tcp_flags[side] | rare_flags)) != 0;
    rare |= (packet.payload_captured != 0) & ((marks & unsigned{mark_data_a} << side) == 0);
    // Of UDP all sequence numbers are 0.
    rare |= has_payload & (packet.tcp_sequence != hot.next_sequence[side]);
    rare |= tcp & ((marks & unsigned{mark_sequence_a} << side) == 0);
    rare |= tcp & !has_payload & ((marks & unsigned{mark_ack_a} << side) == 0);
    rare |=
        tcp & ((marks & mark_activity) == static_cast<unsigned>(Activity::opening) << mark_activity_shift);
    rare |= ((packet.tcp_flags & parse::tcp_ack) != 0) & ((marks & unsigned{mark_sequence_b} >> side) != 0) &
            (static_cast<std::int32_t>(packet.tcp_acknowledgment - hot.next_sequence[1 - side]) > 0);
    if (rare) [[unlikely]]
        return false;

    hot.last_ns = packet.time_ns;
    hot.quiet_ns = static_cast<std::uint32_t>(quiet_ns);
    hot.marks = static_cast<std::uint16_t>(turned ? marks ^ mark_last_side_b : marks);
    ++hot.packets[side];
    hot.bytes[side] = bytes;
    hot.next_sequence[side] += tcp ? packet.payload_length : 0;
    return true;
}
static_assert(mark_data_b == mark_data_a << 1 && mark_sequence_b == mark_sequence_a << 1 &&
                  mark_ack_b == mark_ack_a << 1,
              "a side's mark is found by a shift");

}  // namespace picket::flow
