#include "dataplane/flow/tcp_tracking.h"

#include <algorithm>
#include <cctype>

namespace picket::flow {
namespace {

using parse::tcp_ack;
using parse::tcp_fin;
using parse::tcp_rst;
using parse::tcp_syn;

// A SYN proves who began, whatever was seen first: polling order is not arrival order.
void set_initiator(HotFlow& hot, ColdFlow& cold, unsigned side) noexcept {
    if (initiator_side(hot) == side) return;
    hot.marks ^= mark_initiator_b;
    if (cold.history_length != 0) cold.flags |= api::flow_direction_revised;
    for (char& letter : cold.history) {
        const auto code = static_cast<unsigned char>(letter);
        letter = static_cast<char>(std::isupper(code) != 0 ? std::tolower(code) : std::toupper(code));
    }
}

constexpr std::int32_t window_max = 1 << 30;  // RFC 7323 §2.2

// How far `to` lies ahead of `from` in sequence space (RFC 9293 §3.4).
std::int32_t distance(std::uint32_t from, std::uint32_t to) noexcept {
    return static_cast<std::int32_t>(to - from);
}

// The peer acknowledges bytes beyond what this side was seen to send. next_sequence stays where it is: the
// two directions may be polled out of order, and then the segment comes a moment later.
void note_unseen(ColdSide& side, std::uint32_t next, std::uint32_t acknowledgment) noexcept {
    std::uint32_t from = next;
    if (side.lost_bytes != 0 && distance(next, side.acknowledged_ahead) > 0) from = side.acknowledged_ahead;
    const std::int32_t unseen = distance(from, acknowledgment);
    // A jump of more than the largest window is not a loss but a broken number.
    if (unseen <= 0 || unseen > window_max) return;
    side.lost_bytes += static_cast<std::uint32_t>(unseen);
    side.acknowledged_ahead = acknowledgment;
}

// A segment beyond next_sequence shows bytes that had been counted as lost.
void note_seen_after_all(ColdSide& side, std::uint32_t begin, std::uint32_t end) noexcept {
    if (side.lost_bytes == 0) return;
    // What ends first: the segment, or what was acknowledged.
    const std::uint32_t upto = distance(end, side.acknowledged_ahead) < 0 ? side.acknowledged_ahead : end;
    const std::int32_t overlap = distance(begin, upto);
    if (overlap > 0)
        side.lost_bytes -= std::min<std::uint64_t>(side.lost_bytes, static_cast<std::uint32_t>(overlap));
}

// Payload before all that was seen of a side whose SYN was not: it comes late, and is none that was seen.
bool note_earlier(ColdSide& side, const parse::Packet& packet, SegmentPlace& place) noexcept {
    if (side.syn_seen != 0 || packet.payload_length == 0) return false;
    if (distance(packet.tcp_sequence, side.initial_sequence) <= 0) return false;
    side.initial_sequence = packet.tcp_sequence;
    place.amid = true;
    return true;
}

}  // namespace

void add_history(const HotFlow& hot, ColdFlow& cold, char letter, unsigned side) noexcept {
    if (cold.history_length + 1u >= cold.history.size()) return;
    const bool initiator = side == initiator_side(hot);
    cold.history[cold.history_length++] =
        initiator ? letter : static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
}

bool opens_new_connection(const HotFlow& hot, const ColdFlow& cold, const parse::Packet& packet) noexcept {
    if ((packet.tcp_flags & (tcp_syn | tcp_ack | tcp_rst)) != tcp_syn) return false;
    const ColdSide& side = cold.sides[packet.side];
    if (side.syn_seen != 0 && side.initial_sequence == packet.tcp_sequence) return false;
    // Without a SYN of its own the side's earlier packets may be this connection's, polled in another order.
    return side.syn_seen != 0 || activity_of(hot) == Activity::closed;
}

void track_flags(HotFlow& hot, ColdFlow& cold, const parse::Packet& packet) noexcept {
    const unsigned side = packet.side;
    const auto fresh = static_cast<std::uint8_t>(packet.tcp_flags & ~hot.tcp_flags[side]);
    hot.tcp_flags[side] |= packet.tcp_flags;
    if ((fresh & tcp_syn) != 0) {
        const bool answer = (packet.tcp_flags & tcp_ack) != 0;
        cold.sides[side].syn_seen = 1;
        cold.sides[side].initial_sequence = packet.tcp_sequence;
        cold.flags &= ~static_cast<std::uint32_t>(api::flow_midstream);
        if (!answer) cold.syn_ns = packet.time_ns;
        // Simultaneous open: both send a SYN without ACK; the first one stays the initiator.
        if (answer || cold.sides[1 - side].syn_seen == 0) set_initiator(hot, cold, answer ? 1 - side : side);
        add_history(hot, cold, answer ? 'H' : 'S', side);
    }
    if ((fresh & tcp_ack) != 0 && (packet.tcp_flags & tcp_syn) == 0 && side == initiator_side(hot) &&
        cold.syn_ns != 0 && cold.sides[1 - side].syn_seen != 0 && packet.time_ns >= cold.syn_ns) {
        cold.handshake_rtt_ns = packet.time_ns - cold.syn_ns;
    }
    if ((fresh & tcp_fin) != 0) {
        add_history(hot, cold, 'F', side);
        if ((hot.tcp_flags[1 - side] & tcp_fin) != 0) set_activity(hot, Activity::closed);
    }
    if ((fresh & tcp_rst) != 0) {
        add_history(hot, cold, 'R', side);
        if (cold.reset_by == 0) cold.reset_by = static_cast<std::uint8_t>(side + 1);
        set_activity(hot, Activity::closed);
    }
}

void track_sequence(HotFlow& hot, ColdFlow& cold, const parse::Packet& packet, bool first_syn,
                    SegmentPlace& place) noexcept {
    const unsigned side = packet.side;
    const unsigned valid = side == 0 ? mark_sequence_a : mark_sequence_b;
    const unsigned peer_valid = side == 0 ? mark_sequence_b : mark_sequence_a;
    if ((packet.tcp_flags & tcp_rst) != 0) return;  // its numbers are often made up
    const std::uint32_t syn = (packet.tcp_flags & tcp_syn) != 0 ? 1 : 0;
    const std::uint32_t fin = (packet.tcp_flags & tcp_fin) != 0 ? 1 : 0;
    const std::uint32_t end = packet.tcp_sequence + packet.payload_length + syn + fin;
    const std::uint32_t expected = hot.next_sequence[side];
    if ((hot.marks & valid) == 0 || first_syn) {
        hot.marks |= static_cast<std::uint16_t>(valid);
        hot.next_sequence[side] = end;
        if (syn == 0) {
            cold.sides[side].initial_sequence = packet.tcp_sequence;
            place.amid = true;
        }
    } else if (packet.tcp_sequence == expected) {
        hot.next_sequence[side] = end;
        if ((hot.marks & mark_unseen) != 0) note_seen_after_all(cold.sides[side], expected, end);
    } else if (end != packet.tcp_sequence) {
        const std::int32_t ahead = distance(expected, packet.tcp_sequence);
        if (ahead > window_max || ahead < -window_max) {
            place.gap = true;
            if (cold.far_sequence[side] == packet.tcp_sequence) hot.next_sequence[side] = end;
            cold.far_sequence[side] = end;
            return;
        }
        if (ahead > 0) {
            ++cold.sides[side].out_of_order;
            place.gap = true;
            place.gap_bytes = static_cast<std::uint32_t>(ahead);
            if ((hot.marks & mark_unseen) != 0) {
                note_seen_after_all(cold.sides[side], packet.tcp_sequence, end);
            }
        } else if (note_earlier(cold.sides[side], packet, place)) {
            ++cold.sides[side].out_of_order;
        } else {
            if (packet.payload_length != 0) ++cold.sides[side].retransmitted;
            // expected - sequence counts the SYN too if there is one, which carries no payload byte.
            place.seen_bytes = std::min(packet.payload_length, static_cast<std::uint32_t>(-ahead) - syn);
        }
        if (distance(expected, end) > 0) hot.next_sequence[side] = end;
    }
    if ((packet.tcp_flags & tcp_ack) != 0 && (hot.marks & peer_valid) != 0) {
        const std::uint32_t next = hot.next_sequence[1 - side];
        if (distance(next, packet.tcp_acknowledgment) > 0) {
            hot.marks |= mark_unseen;
            note_unseen(cold.sides[1 - side], next, packet.tcp_acknowledgment);
        }
    }
}

}  // namespace picket::flow
