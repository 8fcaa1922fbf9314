// What a TCP segment changes in its flow: flags, state, history letters, sequence numbers.
//
// Split in two so that an ordinary segment stays within the hot line: track_sequence() touches the cold
// record only for gaps and retransmissions, track_flags() is called only when a flag is new to its side.
#pragma once

#include "dataplane/flow/flow_entry.h"
#include "dataplane/parse/packet.h"

namespace picket::flow {

// SYN, FIN, RST and the first ACK of a side: initiator, handshake time, activity, history (RFC 9293 §3.3.2;
// letters as in Zeek's `history`).
void track_flags(HotFlow& hot, ColdFlow& cold, const parse::Packet& packet) noexcept;

// Where a segment's payload lies relative to what its side has sent so far.
struct SegmentPlace {
    std::uint32_t seen_bytes = 0;  // leading payload bytes that were seen before
    bool gap = false;              // bytes before the payload have not been seen
    std::uint32_t gap_bytes = 0;   // how many, 0 if the number is far outside of the window
    // The side's SYN was not seen, and nothing was seen before this payload: it is the side's first packet,
    // or comes late. Where the side begins is not known.
    bool amid = false;
};

// Retransmitted segments, segments after a gap, and bytes acknowledged that were never seen.
// first_syn: this is the first SYN of its side, whose number counts from now on, whatever was seen before.
// A number further away than any window reaches (2^30, RFC 7323 §2.2) is a gap, but is followed only when the
// next segment continues it: one stray segment must not hide the rest.
// place: of a default SegmentPlace only what differs is set.
// PERF: not returned, because its parts, written one by one and read as one word, wait for the stores.
void track_sequence(HotFlow& hot, ColdFlow& cold, const parse::Packet& packet, bool first_syn,
                    SegmentPlace& place) noexcept;

// Appends a history letter for the side, upper case for the initiator, lower case for the responder.
void add_history(const HotFlow& hot, ColdFlow& cold, char letter, unsigned side) noexcept;

// True if this packet of a known 5-tuple opens a connection of its own: a SYN on a closed flow, or one with
// another initial sequence number than the flow's own SYN had (a retried SYN repeats it).
[[nodiscard]] bool opens_new_connection(const HotFlow& hot, const ColdFlow& cold,
                                        const parse::Packet& packet) noexcept;

}  // namespace picket::flow
