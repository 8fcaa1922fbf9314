// What is kept of a flow, and where. An ordinary packet of an ordinary flow touches one line: its HotFlow.
//
//   HotFlow, 64 bytes = one cache line, found by the hash of its key
//
//    0               4               8       10      12  13  14      16
//   +---------------+---------------+-------+-------+---+---+-------+
//   | address a     | address b     | port a| port b|prt|fam| vlan  |   key, compared whole as two words
//   +---------------+---------------+-------+-------+---+---+-------+
//   16              24              28      30      32
//   | last packet, nanoseconds      | quiet | part  | marks |             time
//   +-------------------------------+-------+-------+-------+
//   32      36      40      44      48      52      56  57  58  59  60      64
//   | packets a, b  | bytes a, b    | next sequence | ttl   | flags | cold  |
//   +---------------+---------------+---------------+-------+-------+-------+
//
// Why so (the alternatives are weighed in docs/decisions/0003-hot-flow-entry.md):
// - Tag, key and counters share the line, because a second random line costs more than all other work on a
//   packet. No separate tag array: 12 MB of tags at 10 M flows are not cached either.
// - TCP's next sequence numbers are here: every segment with payload needs them (retransmissions, gaps).
// - Timer links are NOT here: the wheel is lazy. A flow is filed once under its earliest end and looked at
//   again only when that slot comes up, so a packet never touches the wheel, which keeps cold indices.
// - `quiet` is last minus the other side's last packet time, so that both sides' last times fit; a side that
//   is silent for more than 4.2 s has its time in the cold record (mark_other_last_cold).
// - TTL is the first one seen a side; only a different one touches the cold record's minimum and maximum.
// - Counters are of the current part; bytes carry into the cold record when they wrap.
// - `part` is the beginning of the part in ticks of 2^27 ns (134 ms), modulo 2^16: when it says that the
//   active timeout may be due, the exact time in the cold record decides.
//
// ColdFlow is touched at the beginning, at TCP flag changes, at the first payload a side, by HTTP, at the
// end. For IPv6 it holds the addresses too: one more line a packet.
//
// Ownership: all of it belongs to one worker; no atomics.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/api/events.h"
#include "dataplane/flow/flow_key.h"

namespace picket::flow {

inline constexpr std::uint32_t no_index = 0xffffffff;
inline constexpr std::uint32_t http_ended = 0xfffffffe;  // ColdFlow::http_state: another protocol took over

enum class Activity : std::uint8_t {  // which idle timeout applies
    datagram,                         // everything but TCP
    opening,                          // TCP, SYN seen, no answer to it yet
    established,                      // TCP, both sides seen or midstream
    closed,                           // TCP, FIN both ways or RST
};
inline constexpr std::size_t activity_count = 4;

enum HotMark : std::uint16_t {
    mark_initiator_b = 1u << 0,  // side b is the initiator
    mark_activity = 3u << 1,     // Activity
    mark_sequence_a = 1u << 3,   // next_sequence[0] is valid
    mark_sequence_b = 1u << 4,
    mark_data_a = 1u << 5,  // payload seen from side a (first bytes are kept)
    mark_data_b = 1u << 6,
    mark_last_side_b = 1u << 7,      // the last packet came from side b
    mark_other_last_cold = 1u << 8,  // the other side's last time is in ColdFlow::last_other_ns
    mark_other_seen = 1u << 9,       // the other side has sent at all
    mark_http = 1u << 10,            // requests were found, or may be split
    mark_ack_a = 1u << 11,           // history letter for a pure ACK given
    mark_ack_b = 1u << 12,
    mark_rules = 1u << 13,     // a rule or watch list has hit, or flowbits may be set
    mark_client_b = 1u << 14,  // side b sent the requests (valid with mark_http)
    mark_unseen = 1u << 15,    // a side acknowledged bytes that were not seen
};
inline constexpr unsigned mark_activity_shift = 1;

struct alignas(64) HotFlow {
    FlowKey key;
    std::uint64_t last_ns;
    std::uint32_t quiet_ns;
    std::uint16_t part_tick;
    std::uint16_t marks;
    std::array<std::uint32_t, 2> packets;
    std::array<std::uint32_t, 2> bytes;
    std::array<std::uint32_t, 2> next_sequence;
    std::array<std::uint8_t, 2> ttl;
    std::array<std::uint8_t, 2> tcp_flags;  // union
    std::uint32_t cold;
    // Never stored to by position: a growing table moves entries.
};
static_assert(sizeof(HotFlow) == 64 && alignof(HotFlow) == 64, "an ordinary packet touches one line");
static_assert(offsetof(HotFlow, last_ns) == 16 && offsetof(HotFlow, packets) == 32 &&
                  offsetof(HotFlow, cold) == 60,
              "the drawing above is the layout");

// What is kept a side beyond the hot line; index 0 is side a.
struct ColdSide {
    std::uint64_t first_ns;
    std::uint64_t bytes_carry;  // bytes of this part beyond HotFlow::bytes
    std::uint64_t lost_bytes;
    std::uint32_t initial_sequence;    // of the SYN if syn_seen, else TCP's lowest that was seen
    std::uint32_t acknowledged_ahead;  // highest acknowledgment counted in lost_bytes
    std::uint32_t retransmitted;
    std::uint32_t out_of_order;
    std::uint16_t ip_id_first;
    std::uint8_t ttl_min;
    std::uint8_t ttl_max;
    std::uint8_t tos_first;
    std::uint8_t tcp_flags_first;
    std::uint8_t syn_seen;
    std::uint8_t payload_first_length;
    std::array<std::uint8_t, 16> payload_first;
};
static_assert(sizeof(ColdSide) == 64, "one line a side");

// What most flows do not use: what is not in use is undefined, and its memory not even there.
//
// PERF: beside the cold records, not in them: 128 bytes a flow that no IPv4 flow without tunnel or hit
// touches, of a replay with 900,000 flows 110 MiB.
struct FarFlow {
    Ipv6Sides ipv6;                                        // of IPv6 flows
    std::array<std::uint32_t, api::flow_rules_max> rules;  // the first rule_count of them
    // Of flows with api::flow_tunnelled, api::flow_icmp_quoted or api::flow_duplicates, each of its own
    // fields.
    std::array<std::array<std::uint8_t, 16>, 2> outer;  // api::Address of the tunnel's ends, side a first
    std::uint32_t tunnel_id;
    std::uint32_t duplicates;
    api::TunnelKind tunnel;
    std::uint16_t icmp_error;    // valid with flow_icmp_quoted
    std::uint16_t packets_kept;  // of flows with a hit: how many were copied to the control plane
    std::uint8_t tunnel_depth;
    std::array<std::uint8_t, 17> reserved;
};
static_assert(sizeof(FarFlow) == 128, "addresses and rules are one line, the rest another");

struct ColdFlow {
    std::array<ColdSide, 2> sides;
    std::uint64_t flow_id;
    std::uint64_t start_ns;
    std::uint64_t part_start_ns;
    std::uint64_t last_other_ns;  // see mark_other_last_cold
    std::uint64_t syn_ns;
    std::uint64_t handshake_rtt_ns;
    std::uint64_t watch_lists;
    std::array<std::uint32_t, 2> far_sequence;  // a side: end of a segment far outside the window
    std::uint32_t part;
    std::uint32_t flags;  // api::FlowFlag
    std::uint32_t requests;
    std::uint32_t responses;
    std::uint32_t request_kinds;  // http: two bits for each of the newest 16 requests
    std::uint32_t http_state;     // index of the http stage's state, no_index, or http_ended
    std::uint32_t rule_generation;
    std::uint16_t rule_count;
    std::uint16_t first_status;
    std::array<char, 24> history;
    std::uint16_t vlan;
    std::uint16_t vlan_inner;
    std::uint16_t port;
    std::uint8_t history_length;
    std::uint8_t reset_by;  // side + 1 of the first RST, 0 if none
};
static_assert(sizeof(ColdFlow) % 64 == 0, "cold records start at a line");

// The peer acknowledged bytes of a side that were not seen.
[[nodiscard]] inline bool has_lost(const ColdFlow& cold) noexcept {
    return cold.sides[0].lost_bytes + cold.sides[1].lost_bytes != 0;
}

// All that is kept of a flow.
struct FlowState {
    const HotFlow& hot;
    const ColdFlow& cold;
    const FarFlow& far;
};

// Beside each cold record.
struct ColdLink {
    std::uint32_t next_free;  // in the list of free records
    std::uint32_t slot;       // position of the flow's HotFlow
};
static_assert(sizeof(ColdLink) == 8);

[[nodiscard]] constexpr Activity activity_of(unsigned marks) noexcept {
    return static_cast<Activity>((marks & mark_activity) >> mark_activity_shift);
}
[[nodiscard]] inline Activity activity_of(const HotFlow& hot) noexcept {
    return activity_of(unsigned{hot.marks});
}
inline void set_activity(HotFlow& hot, Activity activity) noexcept {
    hot.marks = static_cast<std::uint16_t>((hot.marks & ~mark_activity) | static_cast<unsigned>(activity)
                                                                              << mark_activity_shift);
}
[[nodiscard]] inline unsigned initiator_side(const HotFlow& hot) noexcept {
    return hot.marks & mark_initiator_b;
}

}  // namespace picket::flow
