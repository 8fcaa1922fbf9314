// Events: what workers and the housekeeping thread write to their rings, and picketd drains.
//
// Every event begins with EventHeader; its size is a multiple of 8 bytes. Times are packet time (ClockMap).
// Readers check kind and size before they read, and lengths before they follow them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "dataplane/api/abi.h"

namespace picket::api {

enum class EventKind : std::uint16_t {
    padding = 0,        // skip to the ring's beginning
    flow = 1,           // FlowRecord: a part of a flow that was cut or has ended
    flow_live = 2,      // FlowRecord: snapshot of a flow in the table, asked for by walk; or, with walk_id 0,
                        // of one whose third SYN got no answer
    http_request = 3,   // RequestEvent
    http_response = 4,  // ResponseEvent
    rule_hit = 5,       // HitEvent
    watch_hit = 6,      // WatchEvent: a new flow with an end on a watch list
    walk_done = 7,      // NoteEvent: value = walk id; this worker has visited its whole table since time_ns
    input_done = 8,     // NoteEvent: this worker has no more input and has emitted all its flows
    rules_adopted = 9,  // NoteEvent: value = generation
    command_reply = 10,  // ReplyEvent
    link = 11,           // NoteEvent: value = port index << 1 | up
    sensor_note = 12,    // ReplyEvent with command_id 0: a sentence for `picket event show`
    capture = 13,        // CaptureEvent: what a capture file holds, written before its first packet
    fold = 14,       // FoldEvent: who was folded, about once a second while the flow table is under pressure
    hit_count = 15,  // HitCountEvent: hits that were not written one by one, because the ring was nearly full
    http_response_end = 16,  // ResponseEndEvent: of a response whose body went on after its event
    packet = 17,  // PacketEvent: of a flow that has a hit, from the one that hit on; or asked for by copy
};

inline constexpr std::array<std::string_view, 18> event_kind_names{
    "padding",     "flow",      "flow_live",  "http_request",  "http_response",     "rule_hit",
    "watch_hit",   "walk_done", "input_done", "rules_adopted", "command_reply",     "link",
    "sensor_note", "capture",   "fold",       "hit_count",     "http_response_end", "packet"};

inline constexpr std::size_t event_size_max = 32 * 1024;  // bytes, header and text included

struct EventHeader {
    std::uint32_t size = 0;  // bytes of the whole event, a multiple of 8
    EventKind kind = EventKind::padding;
    std::uint16_t worker = 0;  // index of the writer; the housekeeping thread is workers
    std::uint64_t time_ns = 0;
};
static_assert(sizeof(EventHeader) == 16);

enum class EndReason : std::uint8_t {  // IPFIX flowEndReason (element 136)
    live = 0,                          // not ended: snapshot
    idle_timeout = 1,
    active_timeout = 2,
    end_of_flow = 3,  // FIN both ways, or RST
    forced_end = 4,   // the data plane was told to stop; at the end of a file timers run out instead
    lack_of_resources = 5,
};

// Zeek's conn_state. Written once, at the end of the flow; for a snapshot: as it would be now.
enum class ConnState : std::uint8_t { s0, s1, sf, rej, s2, s3, rsto, rstr, rstos0, rstrh, sh, shr, oth };
inline constexpr std::array<std::string_view, 13> conn_state_names{
    "S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR", "OTH"};

// What one direction sent. Index 0 of FlowRecord::directions is the initiator's (to server).
struct FlowDirection {
    std::uint64_t packets = 0;        // of this part
    std::uint64_t bytes = 0;          // IP bytes of this part: the total length of the innermost IP header
    std::uint64_t first_ns = 0;       // first packet of the flow in this direction, 0 if none yet
    std::uint64_t last_ns = 0;        // last packet of the flow in this direction, 0 if none yet
    std::uint32_t retransmitted = 0;  // TCP segments with payload seen before
    std::uint32_t out_of_order = 0;   // TCP segments that came after a gap
    std::uint64_t lost_bytes = 0;     // TCP bytes acknowledged by the peer and never seen here
    std::uint16_t ip_id_first = 0;    // IPv4 identification of the flow's first packet
    std::uint8_t ttl_min = 0;         // hop limit for IPv6
    std::uint8_t ttl_max = 0;
    std::uint8_t tos_first = 0;  // traffic class for IPv6
    std::uint8_t tcp_flags_first = 0;
    std::uint8_t tcp_flags_union = 0;
    std::uint8_t payload_first_length = 0;         // bytes valid in payload_first
    std::array<std::uint8_t, 16> payload_first{};  // first payload bytes of the flow in this direction
};
static_assert(sizeof(FlowDirection) == 72);

enum FlowFlag : std::uint32_t {
    flow_midstream = 1u << 0,           // TCP flow whose SYN was not seen
    flow_watched = 1u << 1,             // an end is on a watch list
    flow_fragments = 1u << 2,           // contains fragments
    flow_cut_short = 1u << 3,           // ended by the end of the input before its timeout
    flow_http = 1u << 4,                // at least one request was found
    flow_vlan_swapped = 1u << 5,        // the two directions began with different VLAN tags
    flow_icmp_quoted = 1u << 6,         // an ICMP error quoted this flow
    flow_payload_truncated = 1u << 7,   // the capture cut payload that requests might have been in
    flow_direction_revised = 1u << 8,   // initiator decided by a SYN or SYN-ACK that came second
    flow_first_folded = 1u << 9,        // its first packets were folded: counted, but not in this flow
    flow_tunnelled = 1u << 10,          // FlowRecord::tunnel and what belongs to it are valid
    flow_inner_undecoded = 1u << 11,    // a tunnel whose contents are no whole IP packet: they count here
    flow_fragments_overlap = 1u << 12,  // contains fragments that contradict each other
    flow_duplicates = 1u << 13,         // contains copies: FlowRecord::duplicates
    flow_port_swapped = 1u << 14,       // both directions began on one port of a link that has several
    flow_bits_lost = 1u << 15,          // a flowbit could not be kept: rules that test bits judge it no more
};

// What a flow's packets were wrapped in, from which its key does not come. The first seven are entered by
// configuration (flow.tunnels), mpls and pppoe always.
enum class TunnelKind : std::uint16_t { none, gre, ipip, vxlan, geneve, gtpu, erspan, l2tp, mpls, pppoe };
inline constexpr std::array<std::string_view, 10> tunnel_kind_names{
    "none", "gre", "ipip", "vxlan", "geneve", "gtpu", "erspan", "l2tp", "mpls", "pppoe"};
inline constexpr std::uint8_t tunnel_depth_max = 8;

// Whether an ICMP error (type << 8 | code) is advice on size, route or rate: the destination may well be
// reached. ipv6: it is an ICMPv6 message.
[[nodiscard]] constexpr bool is_icmp_advice(bool ipv6, std::uint16_t error) noexcept {
    const unsigned type = error >> 8;
    if (ipv6) return type == 2;  // packet too big
    return error == (3 << 8 | 4) || type == 4 || type == 5;
}

inline constexpr std::size_t flow_rules_max = 8;

// One part of one flow. Counts are of this part; parts of one flow_id add up. `flows` means distinct ids.
struct FlowRecord {
    EventHeader header;                  // kind flow or flow_live; time_ns: when it was emitted
    std::uint64_t flow_id = 0;           // unique within one run of the data plane, never 0
    std::uint64_t start_ns = 0;          // first packet of the flow, over all parts
    std::uint64_t part_first_ns = 0;     // first packet of this part
    std::uint64_t part_last_ns = 0;      // last packet of this part
    Address source;                      // initiator
    Address destination;                 // responder
    std::uint16_t source_port = 0;       // ICMP: identifier of echo and its kin, else 0
    std::uint16_t destination_port = 0;  // ICMP: type << 8 | code of the request
    std::uint8_t protocol = 0;
    EndReason end_reason = EndReason::live;
    ConnState state = ConnState::oth;
    std::uint8_t final = 0;        // 1: no further part follows
    std::uint32_t part = 0;        // 1, 2, ...
    std::uint32_t flags = 0;       // FlowFlag
    std::uint16_t vlan = 0;        // outermost 802.1Q id, 0 if untagged; of the flow's first packet
    std::uint16_t vlan_inner = 0;  // second tag, 0 if none
    std::uint16_t port = 0;        // ingress port of the first packet
    // Of the flow's first packet: the innermost tunnel that was entered, else the outermost link
    // encapsulation.
    TunnelKind tunnel = TunnelKind::none;
    Address outer_source;           // the tunnel's end on the side of source; all zero for mpls and pppoe
    Address outer_destination;      // the tunnel's end on the side of destination
    std::uint32_t tunnel_id = 0;    // VNI, GRE key, TEID, ERSPAN or L2TP session, top label, PPPoE session
    std::uint8_t tunnel_depth = 0;  // tunnels entered, 0 for mpls and pppoe alone
    std::uint8_t reserved = 0;
    std::uint16_t icmp_error = 0;        // type << 8 | code of the ICMP error that quoted the flow, 0 if none
    std::uint64_t handshake_rtt_ns = 0;  // SYN to the ACK that completes the handshake, 0 if not seen
    std::array<char, 24> history{};      // Zeek's history letters, zero-terminated
    std::uint32_t requests = 0;          // HTTP requests of the flow so far
    std::uint16_t first_status = 0;      // status of the first response, 0 if none
    std::uint16_t rule_count = 0;        // rules matched on the flow so far, may exceed flow_rules_max
    std::uint32_t duplicates = 0;        // of the flow's packets so far, those that are copies of others
    std::uint32_t rule_generation = 0;   // of the first hit
    std::array<std::uint32_t, flow_rules_max> rules{};  // indices in that generation's rule table
    std::uint64_t watch_lists = 0;                      // bit i: list i of the watch table of generation
    std::uint64_t walk_id = 0;                          // flow_live: the walk that asked, or 0
    std::array<FlowDirection, 2> directions;
};
static_assert(sizeof(FlowRecord) == 384 && alignof(FlowRecord) == 8);

// Both ends of a request or a hit. The client sent the request (or the packet that hit).
struct EventEnds {
    std::uint64_t flow_id = 0;
    Address client;
    Address server;
    std::uint16_t client_port = 0;
    std::uint16_t server_port = 0;
    std::uint8_t protocol = 0;
    std::uint8_t flow_lost = 0;  // 1: the flow had lost packets when this happened
    std::uint16_t port = 0;      // ingress port
    std::uint16_t vlan = 0;
    std::array<std::uint16_t, 3> reserved{};
};
static_assert(sizeof(EventEnds) == 56);

// Lengths of the texts that follow an event, one after the other in this order, unterminated.
struct RequestTexts {
    std::uint16_t method = 0;
    std::uint16_t uri = 0;             // raw request target as on the wire
    std::uint16_t uri_normalized = 0;  // 0 if equal to the raw one
    std::uint16_t host = 0;
    std::uint16_t user_agent = 0;
    std::uint16_t referer = 0;
    std::uint16_t version = 0;  // "HTTP/1.1", empty for HTTP/0.9
    std::uint16_t payload = 0;  // rule_hit of a payload rule: its first bytes
};

enum RequestFlag : std::uint32_t {
    request_has_referer = 1u << 0,
    request_uri_truncated = 1u << 1,   // the target was longer than the bound that is kept
    request_head_truncated = 1u << 2,  // headers did not end within the bound; what was seen is here
    request_split = 1u << 3,           // the head came in more than one segment
};

struct RequestEvent {
    EventHeader header;  // kind http_request
    EventEnds ends;
    std::uint32_t request = 0;  // 0, 1, ... within the flow
    std::uint32_t flags = 0;    // RequestFlag
    RequestTexts texts;
    // texts follow
};
static_assert(sizeof(RequestEvent) == 96);

// The request of a payload rule's hit, and of a response whose request was not seen.
inline constexpr std::uint32_t request_none = 0xffffffff;

enum ResponseFlag : std::uint32_t {
    response_goes_on = 1u << 0,  // an http_response_end will follow
};

// Written when the head is whole, or no more of it will come.
struct ResponseEvent {
    EventHeader header;         // kind http_response
    EventEnds ends;             // client and server as in the request
    std::uint32_t request = 0;  // which request it answers, or request_none
    std::uint16_t status = 0;
    std::uint16_t content_type = 0;    // length of the text that follows
    std::int64_t content_length = -1;  // bytes as declared, -1 if not declared
    std::int64_t body_bytes = -1;      // of the body so far, without the framing of chunks; -1 if not known
    std::uint32_t flags = 0;           // ResponseFlag
    std::uint32_t reserved = 0;
    // content type follows
};
static_assert(sizeof(ResponseEvent) == 104);

// The body is over, or no more of it will come.
struct ResponseEndEvent {
    EventHeader header;  // kind http_response_end
    EventEnds ends;
    std::uint32_t request = 0;
    std::uint32_t reserved = 0;
    std::int64_t body_bytes = 0;  // up to its last byte that was seen: lost ones before it count
};
static_assert(sizeof(ResponseEndEvent) == 88);

struct HitEvent {
    EventHeader header;  // kind rule_hit
    EventEnds ends;
    std::uint32_t generation = 0;
    std::uint32_t rule = 0;           // index in the generation's rule table
    std::uint32_t request = 0;        // of the flow; 0xffffffff for payload rules
    std::uint32_t request_flags = 0;  // RequestFlag
    RequestTexts texts;
    // texts follow
};
static_assert(sizeof(HitEvent) == 104);

struct WatchEvent {
    EventHeader header;  // kind watch_hit
    EventEnds ends;      // client: initiator of the flow
    std::uint32_t generation = 0;
    std::uint32_t reserved = 0;
    std::uint64_t client_lists = 0;  // bit i: the client is on list i of the generation's watch table
    std::uint64_t server_lists = 0;
};
static_assert(sizeof(WatchEvent) == 96);

// What one network sent, or one victim got, that was folded; since the last entry of the same key.
struct FoldEntry {
    Address address;               // the network's first address, or the victim's
    std::uint16_t port = 0;        // victim: destination port
    std::uint8_t protocol = 0;     // victim
    std::uint8_t prefix_bits = 0;  // of the network, 0..128 (IPv4: 96 + its own); 0: a victim
    std::uint32_t records =
        0;  // flows of one packet whose record was folded, because the ring was nearly full
    std::uint64_t packets = 0;  // packets folded before they had a flow
    std::uint64_t bytes = 0;    // IP bytes of them
    std::uint64_t record_bytes = 0;
    std::uint64_t first_ns = 0;
    std::uint64_t last_ns = 0;
};
static_assert(sizeof(FoldEntry) == 64);

inline constexpr std::size_t fold_entries_max = 16;

// Entries name who stands out. They never add up to everything: the worker's counters do, and what no entry
// attributes is the rest.
struct FoldEvent {
    EventHeader header;  // kind fold; size covers the entries that are in use
    std::uint32_t count = 0;
    std::uint32_t reserved = 0;
    std::array<FoldEntry, fold_entries_max> entries{};
};
static_assert(sizeof(FoldEvent) == 24 + fold_entries_max * sizeof(FoldEntry));

inline constexpr std::uint32_t hit_count_watch = 0xffffffff;

// Hits of one rule, or of watch lists, from one client to one server port, beyond those that were written as
// rule_hit or watch_hit.
struct HitCountEvent {
    EventHeader header;  // kind hit_count
    EventEnds ends;      // of the newest
    std::uint32_t generation = 0;
    std::uint32_t rule = 0;          // index in the generation's rule table; hit_count_watch: watch lists
    std::uint64_t client_lists = 0;  // as in WatchEvent
    std::uint64_t server_lists = 0;
    std::uint64_t count = 0;
    std::uint64_t lost = 0;  // of them in flows that had lost packets
    std::uint64_t first_ns = 0;
    std::uint64_t last_ns = 0;
};
static_assert(sizeof(HitCountEvent) == 128);

// A frame as it was received, of a flow with a hit, which was told before, or because a command asks for it;
// what is beyond packet_kept_max is cut.
struct PacketEvent {
    EventHeader header;         // kind packet; time_ns: when it was received
    std::uint64_t flow_id = 0;  // 0: of a command
    std::uint32_t wire_length = 0;
    std::uint32_t captured = 0;        // bytes of the frame that follow
    std::uint32_t payload_at = 0;      // where in them the flow's own payload (layer 4) begins
    std::uint32_t payload_length = 0;  // of it there, 0 if there is none
    std::uint32_t tcp_sequence = 0;    // of its first byte
    std::uint16_t link_type = 0;       // LINKTYPE_ of capture files
    std::uint16_t port = 0;            // ingress port
    std::uint8_t from_responder = 0;
    std::uint8_t protocol = 0;
    std::array<std::uint8_t, 2> reserved{};
    std::uint32_t capture = 0;  // FrameProgram::capture, with flow_id 0
    // the frame follows
};
static_assert(sizeof(PacketEvent) == 56);

inline constexpr std::size_t packet_kept_max = event_size_max - sizeof(PacketEvent);

struct NoteEvent {
    EventHeader header;
    std::uint64_t value = 0;
};
static_assert(sizeof(NoteEvent) == 24);

// Times are 0 where the file holds no packet. An error names the damage and its byte offset; the packets
// before it are counted and processed.
struct CaptureEvent {
    EventHeader header;  // kind capture
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;  // on the wire
    std::uint64_t first_ns = 0;
    std::uint64_t last_ns = 0;
    std::uint16_t port = 0;
    std::uint16_t truncated = 0;  // 1: the file ends within a record
    std::uint16_t path = 0;       // lengths of the two texts that follow
    std::uint16_t error = 0;
};
static_assert(sizeof(CaptureEvent) == 56);

struct ReplyEvent {
    EventHeader header;  // kind command_reply or sensor_note
    std::uint64_t command_id = 0;
    std::int32_t status = 0;        // 0: done; else an errno value
    std::uint32_t text_length = 0;  // a sentence follows
};
static_assert(sizeof(ReplyEvent) == 32);

}  // namespace picket::api
