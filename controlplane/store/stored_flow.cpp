#include "controlplane/store/stored_flow.h"

#include <algorithm>
#include <utility>

namespace picket::store {

namespace {

std::uint64_t shift(std::uint64_t packet_ns, std::int64_t utc_minus_packet_ns) noexcept {
    // 0 means 'no packet'; unsigned arithmetic, because the record is not trusted to avoid overflow.
    return packet_ns == 0 ? 0 : packet_ns + static_cast<std::uint64_t>(utc_minus_packet_ns);
}

std::uint64_t earlier(std::uint64_t a, std::uint64_t b) noexcept {
    if (a == 0 || b == 0) return a | b;
    return std::min(a, b);
}

void add_direction(api::FlowDirection& total, const api::FlowDirection& part, bool part_is_newer) noexcept {
    total.packets += part.packets;
    total.bytes += part.bytes;
    // These count the whole flow so far.
    total.retransmitted = std::max(total.retransmitted, part.retransmitted);
    total.out_of_order = std::max(total.out_of_order, part.out_of_order);
    total.lost_bytes = std::max(total.lost_bytes, part.lost_bytes);
    total.first_ns = earlier(total.first_ns, part.first_ns);
    total.last_ns = std::max(total.last_ns, part.last_ns);
    if (part.ttl_max != 0) {
        total.ttl_min = total.ttl_max == 0 ? part.ttl_min : std::min(total.ttl_min, part.ttl_min);
        total.ttl_max = std::max(total.ttl_max, part.ttl_max);
    }
    total.tcp_flags_union |= part.tcp_flags_union;
    if (part_is_newer ? total.payload_first_length == 0 : part.payload_first_length != 0) {
        total.payload_first_length = part.payload_first_length;
        total.payload_first = part.payload_first;
    }
}

// A SYN that comes late may prove that the other end is the initiator. Ports decide where an address talks to
// itself only: who needs no more than totals does not know them. REQUIRES: both are of one flow.
bool is_turned(const StoredFlow& a, const StoredFlow& b) noexcept {
    if (a.source != a.destination) return a.source != b.source;
    return a.source_port == b.destination_port && a.destination_port == b.source_port &&
           a.source_port != a.destination_port;
}

void take_state(StoredFlow& total, const StoredFlow& newer) noexcept {
    total.part = newer.part;
    total.final = newer.final;
    total.end_reason = newer.end_reason;
    total.state = newer.state;
    total.history = newer.history;
    total.requests = newer.requests;
    total.rule_count = newer.rule_count;
    total.rule_generation = newer.rule_generation;
    total.rules = newer.rules;
    if (newer.icmp_error != 0) total.icmp_error = newer.icmp_error;
}

}  // namespace

StoredFlow store_flow(const api::FlowRecord& record, std::int64_t utc_minus_packet_ns,
                      std::uint64_t run) noexcept {
    StoredFlow flow;
    flow.id = record.flow_id;
    flow.run = run;
    flow.start_ns = shift(record.start_ns, utc_minus_packet_ns);
    flow.part_first_ns = shift(record.part_first_ns, utc_minus_packet_ns);
    flow.last_ns = shift(record.part_last_ns, utc_minus_packet_ns);
    flow.source = record.source;
    flow.destination = record.destination;
    flow.part = record.part;
    flow.source_port = record.source_port;
    flow.destination_port = record.destination_port;
    flow.vlan = record.vlan;
    flow.vlan_inner = record.vlan_inner;
    flow.port = record.port;
    flow.protocol = record.protocol;
    flow.end_reason = record.end_reason <= api::EndReason::lack_of_resources ? record.end_reason
                                                                             : api::EndReason::forced_end;
    flow.state = record.state <= api::ConnState::oth ? record.state : api::ConnState::oth;
    flow.final = record.final != 0 ? 1 : 0;
    flow.first_status = record.first_status;
    flow.flags = record.flags;
    flow.requests = record.requests;
    flow.duplicates = record.duplicates;
    flow.rule_count = record.rule_count;
    flow.rule_generation = record.rule_generation;
    flow.rules = record.rules;
    flow.history = record.history;
    flow.history.back() = '\0';
    flow.watch_lists = record.watch_lists;
    flow.handshake_rtt_ns = record.handshake_rtt_ns;
    if ((record.flags & api::flow_tunnelled) != 0 && record.tunnel <= api::TunnelKind::pppoe) {
        flow.tunnel = {record.outer_source, record.outer_destination, record.tunnel_id, record.tunnel,
                       record.tunnel_depth};
    }
    flow.icmp_error = record.icmp_error;
    flow.directions = record.directions;
    for (auto& direction : flow.directions) {
        direction.first_ns = shift(direction.first_ns, utc_minus_packet_ns);
        direction.last_ns = shift(direction.last_ns, utc_minus_packet_ns);
        direction.payload_first_length = static_cast<std::uint8_t>(
            std::min<std::size_t>(direction.payload_first_length, direction.payload_first.size()));
    }
    return flow;
}

void add_part(StoredFlow& total, const StoredFlow& part) noexcept {
    const bool part_is_newer = part.part > total.part;
    const bool turned = is_turned(total, part);
    if (turned && part_is_newer) {
        std::swap(total.directions[0], total.directions[1]);
        std::swap(total.source, total.destination);
        std::swap(total.source_port, total.destination_port);
        std::swap(total.tunnel.source, total.tunnel.destination);
    }
    const bool swap_part = turned && !part_is_newer;
    for (std::size_t i = 0; i < total.directions.size(); ++i) {
        add_direction(total.directions[i], part.directions[swap_part ? 1 - i : i], part_is_newer);
    }
    total.start_ns = earlier(total.start_ns, part.start_ns);
    total.part_first_ns = earlier(total.part_first_ns, part.part_first_ns);
    total.last_ns = std::max(total.last_ns, part.last_ns);
    total.flags |= part.flags;
    total.duplicates = std::max(total.duplicates, part.duplicates);
    total.watch_lists |= part.watch_lists;
    if (total.first_status == 0) total.first_status = part.first_status;
    if (total.handshake_rtt_ns == 0) total.handshake_rtt_ns = part.handshake_rtt_ns;
    if (part_is_newer) take_state(total, part);
}

}  // namespace picket::store
