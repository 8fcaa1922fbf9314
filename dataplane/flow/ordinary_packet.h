// What an ordinary packet changes in its flow: time, packets, bytes, next sequence number, all in the hot
// line.
//
// Ordinary is: in time for the flow and its part, in sequence, nothing new about its side (TTL, TCP flags,
// first payload), nothing to be said of it in the cold record. Every other packet takes the long way through
// FlowTracker, whose result for an ordinary packet is the same (tests/property holds both against a model).
//
// PERF: the tests are gathered as words, without branches, because TCP and UDP, and the two sides, alternate
// at random: one branch that is nearly never taken instead of fifteen, of which several cannot be predicted.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/flow/flow_entry.h"
#include "dataplane/parse/packet.h"

namespace picket::flow {

inline constexpr unsigned part_tick_shift = 27;
inline constexpr unsigned mark_sequence_b_shift = 4;
inline constexpr unsigned mark_last_side_shift = 7;
inline constexpr unsigned mark_other_seen_shift = 9;
inline constexpr unsigned opening_mark = static_cast<unsigned>(Activity::opening) << mark_activity_shift;

[[nodiscard]] constexpr std::uint16_t part_tick(std::uint64_t time_ns) noexcept {
    return static_cast<std::uint16_t>(time_ns >> part_tick_shift);
}

struct OrdinaryLimits {
    std::array<std::uint64_t, activity_count> gap_ns_max{};  // since the flow's last packet, by Activity
    std::uint16_t part_ticks = 0;                            // from here on the part may be due
};

// False, and nothing has changed, if the packet is not an ordinary one.
[[nodiscard]] inline bool update_ordinary(HotFlow& hot, const parse::Packet& packet,
                                          const OrdinaryLimits& limits) noexcept {
    constexpr std::uint8_t rare_flags = parse::tcp_syn | parse::tcp_fin | parse::tcp_rst;
    constexpr std::uint16_t rare_kinds = parse::packet_fragment | parse::packet_later_fragment |
                                         parse::packet_payload_cut | parse::packet_inner_undecoded |
                                         parse::packet_quoted | parse::packet_copy;
    const unsigned side = packet.side;
    const unsigned marks = hot.marks;
    const std::uint32_t tcp_mask = packet.key.protocol == parse::protocol_tcp ? 0xffffffff : 0;
    const std::uint32_t payload_mask = packet.payload_length != 0 ? 0xffffffff : 0;
    const std::uint32_t captured_mask = packet.payload_captured != 0 ? 0xffffffff : 0;
    const unsigned turned =
        side ^ (marks >> mark_last_side_shift & 1);  // the last packet was the other side's
    const std::uint64_t same_mask = std::uint64_t{turned} - 1;
    const std::uint64_t other_seen_mask = 0 - std::uint64_t{marks >> mark_other_seen_shift & 1};
    // Wraps, and is too large, if the packet is older than the flow's last.
    const std::uint64_t gap_ns = packet.time_ns - hot.last_ns;
    const std::uint64_t quiet_ns = (hot.quiet_ns & same_mask) + (gap_ns & (other_seen_mask | ~same_mask));
    const std::uint32_t bytes = hot.bytes[side] + packet.ip_bytes;
    const auto ticks = static_cast<std::uint16_t>((packet.time_ns >> part_tick_shift) - hot.part_tick);
    const auto ahead = static_cast<std::int32_t>(packet.tcp_acknowledgment - hot.next_sequence[1 - side]);
    const unsigned acknowledges =
        (packet.tcp_flags / parse::tcp_ack & 1u) & (marks >> (mark_sequence_b_shift - side) & 1u);
    // Marks of the side that a packet like this would set if they were not there.
    const unsigned marks_needed = ((unsigned{mark_sequence_a} << side) & tcp_mask) |
                                  ((unsigned{mark_ack_a} << side) & tcp_mask & ~payload_mask) |
                                  ((unsigned{mark_data_a} << side) & captured_mask);

    std::uint64_t rare = marks & (mark_other_last_cold | mark_unseen);
    rare |= marks_needed & ~marks;
    rare |= ~(same_mask | other_seen_mask);
    rare |= quiet_ns >> 32;
    rare |= packet.flags & rare_kinds;
    rare |= packet.ttl ^ unsigned { hot.ttl[side] };
    rare |= packet.tcp_flags & (~unsigned{hot.tcp_flags[side]} | rare_flags);
    // Of UDP all sequence numbers are 0.
    rare |= (packet.tcp_sequence ^ hot.next_sequence[side]) & payload_mask;
    rare |= acknowledges & static_cast<unsigned>(ahead > 0);
    rare |= static_cast<unsigned>(gap_ns > limits.gap_ns_max[(marks & mark_activity) >> mark_activity_shift]);
    rare |= static_cast<unsigned>(ticks >= limits.part_ticks);
    rare |= static_cast<unsigned>((marks & mark_activity) == opening_mark);
    rare |= static_cast<unsigned>(hot.packets[side] == 0xffffffff);
    rare |= static_cast<unsigned>(bytes < packet.ip_bytes);
    if (rare != 0) [[unlikely]]
        return false;

    hot.last_ns = packet.time_ns;
    hot.quiet_ns = static_cast<std::uint32_t>(quiet_ns);
    hot.marks = static_cast<std::uint16_t>(marks ^ turned << mark_last_side_shift);
    ++hot.packets[side];
    hot.bytes[side] = bytes;
    hot.next_sequence[side] += packet.payload_length & tcp_mask;
    return true;
}
static_assert(mark_data_b == mark_data_a << 1 && mark_sequence_b == mark_sequence_a << 1 &&
                  mark_ack_b == mark_ack_a << 1 && mark_sequence_b == 1u << mark_sequence_b_shift &&
                  mark_last_side_b == 1u << mark_last_side_shift &&
                  mark_other_seen == 1u << mark_other_seen_shift && parse::tcp_ack == 0x10,
              "marks are found by shifts");

}  // namespace picket::flow
