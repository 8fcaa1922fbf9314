// The counters that each worker and the housekeeping thread publish.
//
// Ownership: one writer each (noted at every struct); readers copy them under the sequence counter, so that
// received = in flows + outcomes holds in every copy. All counts only grow until the process ends, but for
// the gauges, which say so.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "dataplane/api/abi.h"
#include "dataplane/api/outcomes.h"
#include "dataplane/api/seqlock.h"

namespace picket::api {

enum class Stage : std::uint8_t { rx, parse, steer, copies, fragment, flow, http, match, emit, count_ };
inline constexpr std::size_t stage_count = static_cast<std::size_t>(Stage::count_);
inline constexpr std::array<std::string_view, stage_count> stage_names{
    "rx", "parse", "steer", "copies", "fragment", "flow", "http", "match", "emit"};

// Packets of one port as one worker saw them. The worker's queue index on the port is its own index.
// Over all workers: received = in_flows + sum(outcomes) + held + (handed_out - taken_in), the last being
// frames that are in a steering ring at this moment; in a replay with several workers also plus the frames
// that wait for their turn in capture order. When the input is over all three are 0.
struct PortAudit {
    std::uint64_t received = 0;        // frames that this worker took from its queue of the port
    std::uint64_t received_bytes = 0;  // their bytes on the wire, without preamble, gap and FCS
    std::uint64_t handed_out = 0;      // frames given to the worker that owns their flow
    std::uint64_t taken_in = 0;        // frames of this port taken from other workers
    std::uint64_t in_flows = 0;
    std::uint64_t held = 0;  // gauge: fragments that wait for the one with their ports
    std::array<std::uint64_t, outcome_count> outcomes{};
    // what the port shows, beside the audit
    std::uint64_t duplicates = 0;        // packets recognised as copies, in flows or left out of them
    std::uint64_t recorded = 0;          // packets of flow records whose flow began on this port
    std::uint64_t recorded_one_way = 0;  // of them, those of flows of which one direction was seen
    std::uint64_t recorded_swapped = 0;  // of them, those of flows with flow_port_swapped
};
static_assert(sizeof(PortAudit) == 8 * (10 + outcome_count));

inline constexpr std::size_t event_kind_count = 18;

struct WorkerCounters {
    // flows
    std::uint64_t flows_active = 0;    // gauge: distinct flows in the table
    std::uint64_t flow_capacity = 0;   // gauge: entries that the table can hold
    std::uint64_t flows_created = 0;   // distinct flow ids
    std::uint64_t flows_ended = 0;     // final records
    std::uint64_t flow_parts_cut = 0;  // records cut by the active timeout
    // folding: packets without a flow (the outcome `folded` of all ports), and flows without a record
    std::uint64_t folded_packets = 0;
    std::uint64_t folded_bytes = 0;
    std::uint64_t folded_records = 0;  // flows of one packet each, counted in flows_ended and in_flows too
    std::uint64_t folded_record_bytes = 0;
    std::uint64_t flows_begun_late = 0;  // flows whose first packets are among folded_packets
    // packets by kind, each counted in addition to the audit
    std::uint64_t packets_ipv4 = 0;
    std::uint64_t packets_ipv6 = 0;
    std::uint64_t packets_tcp = 0;
    std::uint64_t packets_udp = 0;
    std::uint64_t packets_icmp = 0;
    std::uint64_t packets_other_ip = 0;
    std::uint64_t packets_vlan = 0;
    std::uint64_t packets_fragment = 0;
    // fragments (of packets_fragment) and what they were of
    std::uint64_t fragment_datagrams = 0;       // datagrams that became whole
    std::uint64_t fragments_timed_out = 0;      // fragments of datagrams that did not become whole in time
    std::uint64_t fragments_evicted = 0;        // fragments of datagrams given up to make room for others
    std::uint64_t fragments_contradicting = 0;  // overlaps that are no repeats, and impossible offsets
    std::uint64_t duplicates_displaced = 0;  // packets forgotten within the window in which copies are told
    std::uint64_t quotes_lost = 0;  // ICMP errors whose quoted flow was not marked: its owner's ring was full
    // requests and rules
    std::uint64_t http_requests = 0;
    std::uint64_t http_responses = 0;
    std::uint64_t http_states_active = 0;     // gauge: flows whose heads, bodies or gaps are followed
    std::uint64_t http_states_exhausted = 0;  // flows that gave way to others, for want of state
    std::uint64_t http_segments_held = 0;     // segments of followed flows that came before their turn
    std::uint64_t http_gaps = 0;              // gaps of followed flows that were not filled
    std::uint64_t rule_hits = 0;
    std::uint64_t watch_hits = 0;
    std::uint64_t hits_folded = 0;             // of both, those told in hit_count events
    std::uint64_t flows_bits_lost = 0;         // flows of which a flowbit could not be kept
    std::uint64_t flowbit_hits_unjudged = 0;   // hits of rules that test bits, on such flows: not told
    std::uint64_t flowbit_records_active = 0;  // gauge: records of flows' bits in use
    std::uint64_t texts_scanned = 0;           // texts (URIs, heads, payloads) given to the filter
    std::uint64_t texts_passed = 0;            // texts that the filter let through to exact judgement
    std::uint64_t rules_generation = 0;        // gauge: generation that this worker uses, 0 before the first
    // events
    std::array<std::uint64_t, event_kind_count> events_written{};  // by EventKind
    std::array<std::uint64_t, event_kind_count> events_dropped{};  // by EventKind: the ring was full
    // time
    std::uint64_t bursts = 0;  // bursts with at least one packet
    std::uint64_t bursts_empty = 0;
    std::uint64_t cycles_busy = 0;  // TSC cycles in bursts with at least one packet
    std::uint64_t cycles_idle = 0;  // TSC cycles in empty polls and housekeeping
    std::array<std::uint64_t, stage_count> cycles_stage{};
    std::uint64_t packet_ns = 0;  // gauge: packet clock of the worker's last burst
    std::uint64_t cpu_ns = 0;     // gauge: CPU time of the worker's thread
};
static_assert(sizeof(WorkerCounters) % 8 == 0);

// Writer: the worker, once a burst. Only the audits of ports that the burst touched are stored again.
struct alignas(cache_line) WorkerArea {
    SequenceCounter sequence;
    WorkerCounters counters;
    std::array<PortAudit, ports_max> ports;
};

inline constexpr std::size_t xdp_queues_max = 64;

// What the device itself counted. Writer: the housekeeping thread, about once a second.
struct PortCounters {
    std::uint64_t link_up = 0;         // gauge: 1 or 0
    std::uint64_t speed_mbit_s = 0;    // gauge: 0 if the device does not say
    std::uint64_t queues = 0;          // gauge: receive queues in use
    std::uint64_t rss_symmetric = 0;   // gauge: 1 if the device itself brings both directions together
    std::uint64_t device_packets = 0;  // ipackets
    std::uint64_t device_bytes = 0;    // ibytes
    std::uint64_t missed = 0;          // imissed: the device had no free descriptor
    std::uint64_t errors = 0;          // ierrors
    std::uint64_t no_mbuf = 0;         // rx_nombuf
    std::uint64_t has_xdp = 0;         // gauge: 1 if our XDP program counts this port
    std::array<std::uint64_t, xdp_queues_max> xdp_packets{};  // by queue, before anything can be lost
    std::array<std::uint64_t, xdp_queues_max> xdp_bytes{};
    std::array<std::uint64_t, xdp_queues_max> xdp_no_socket{};  // passed to the kernel: queue without socket
};
static_assert(sizeof(PortCounters) % 8 == 0);

// Names are written before the segment is handed out and never change.
struct alignas(cache_line) PortArea {
    std::array<char, name_length_max> name{};
    std::array<char, name_length_max> group{};
    std::array<char, 256> device{};
    Seqlock<PortCounters> counters;
};

}  // namespace picket::api
