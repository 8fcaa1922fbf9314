#include "dataplane/flow/tcp_tracking.h"

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

void track_sequence(HotFlow& hot, ColdFlow& cold, const parse::Packet& packet) noexcept {
    const unsigned side = packet.side;
    const unsigned valid = side == 0 ? mark_sequence_a : mark_sequence_b;
    const unsigned peer_valid = side == 0 ? mark_sequence_b : mark_sequence_a;
    if ((packet.tcp_flags & tcp_rst) != 0) return;  // its numbers are often made up
    const std::uint32_t control =
        ((packet.tcp_flags & tcp_syn) != 0 ? 1u : 0u) + ((packet.tcp_flags & tcp_fin) != 0 ? 1u : 0u);
    const std::uint32_t length = packet.payload_length + control;
    const std::uint32_t end = packet.tcp_sequence + length;
    if ((hot.marks & valid) == 0) {
        hot.marks |= static_cast<std::uint16_t>(valid);
        hot.next_sequence[side] = end;
    } else if (packet.tcp_sequence == hot.next_sequence[side]) {
        hot.next_sequence[side] = end;
    } else if (length != 0) {
        const auto ahead = static_cast<std::int32_t>(packet.tcp_sequence - hot.next_sequence[side]);
        if (ahead > 0) {
            ++cold.sides[side].out_of_order;
        } else if (packet.payload_length != 0) {
            ++cold.sides[side].retransmitted;
        }
        if (static_cast<std::int32_t>(end - hot.next_sequence[side]) > 0) hot.next_sequence[side] = end;
    }
    if ((packet.tcp_flags & tcp_ack) != 0 && (hot.marks & peer_valid) != 0) {
        const auto unseen =
            static_cast<std::int32_t>(packet.tcp_acknowledgment - hot.next_sequence[1 - side]);
        // A jump of more than the largest window (RFC 7323 §2.2: 2^30) is not a loss but a broken number.
        if (unseen > 0 && unseen <= 1 << 30) {
            cold.sides[1 - side].lost_bytes += static_cast<std::uint32_t>(unseen);
            hot.next_sequence[1 - side] = packet.tcp_acknowledgment;
        }
    }
}

}  // namespace picket::flow
