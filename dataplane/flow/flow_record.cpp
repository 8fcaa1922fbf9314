#include "dataplane/flow/flow_record.h"

#include <algorithm>

#include "dataplane/parse/packet.h"

namespace picket::flow {
namespace {

api::Address address_of(const FlowState& flow, unsigned side) noexcept {
    const HotFlow& hot = flow.hot;
    if (hot.key.family == 6) {
        api::Address address;
        address.bytes = side == 0 ? flow.far.ipv6.a : flow.far.ipv6.b;
        return address;
    }
    const std::uint32_t value = side == 0 ? hot.key.address_a : hot.key.address_b;
    return api::ipv4_mapped(reinterpret_cast<const std::uint8_t*>(&value));
}

std::uint16_t port_of(const HotFlow& hot, unsigned side) noexcept {
    return side == 0 ? hot.key.port_a : hot.key.port_b;
}

void fill_direction(const HotFlow& hot, const ColdFlow& cold, unsigned side,
                    api::FlowDirection& to) noexcept {
    const ColdSide& from = cold.sides[side];
    to.packets = hot.packets[side];
    to.bytes = from.bytes_carry + hot.bytes[side];
    to.first_ns = from.first_ns;
    to.last_ns = last_ns_of(hot, cold, side);
    to.retransmitted = from.retransmitted;
    to.out_of_order = from.out_of_order;
    to.lost_bytes = from.lost_bytes;
    to.ip_id_first = from.ip_id_first;
    to.ttl_min = from.ttl_min;
    to.ttl_max = from.ttl_max;
    to.tos_first = from.tos_first;
    to.tcp_flags_first = from.tcp_flags_first;
    to.tcp_flags_union = hot.tcp_flags[side];
    to.payload_first_length = from.payload_first_length;
    to.payload_first = from.payload_first;
}

void fill_tunnel(const FarFlow& far, unsigned orig, api::FlowRecord& record) noexcept {
    record.tunnel = far.tunnel;
    record.tunnel_depth = far.tunnel_depth;
    record.tunnel_id = far.tunnel_id;
    record.outer_source.bytes = far.outer[orig];
    record.outer_destination.bytes = far.outer[1 - orig];
}

}  // namespace

std::uint64_t last_ns_of(const HotFlow& hot, const ColdFlow& cold, unsigned side) noexcept {
    const unsigned last_side = (hot.marks & mark_last_side_b) != 0 ? 1 : 0;
    if (side == last_side) return hot.last_ns;
    if ((hot.marks & mark_other_seen) == 0) return 0;
    if ((hot.marks & mark_other_last_cold) != 0) return cold.last_other_ns;
    return hot.last_ns - hot.quiet_ns;
}

api::ConnState conn_state(const HotFlow& hot, const ColdFlow& cold) noexcept {
    using api::ConnState;
    if (hot.key.protocol != parse::protocol_tcp) return ConnState::oth;
    const unsigned orig = initiator_side(hot);
    const unsigned resp = 1 - orig;
    const std::uint8_t from_orig = hot.tcp_flags[orig];
    const std::uint8_t from_resp = hot.tcp_flags[resp];
    const bool orig_syn = cold.sides[orig].syn_seen != 0;
    const bool resp_syn = cold.sides[resp].syn_seen != 0;
    if (orig_syn && resp_syn) {
        if (cold.reset_by != 0) return cold.reset_by == orig + 1 ? ConnState::rsto : ConnState::rstr;
        const bool orig_fin = (from_orig & parse::tcp_fin) != 0;
        const bool resp_fin = (from_resp & parse::tcp_fin) != 0;
        if (orig_fin && resp_fin) return ConnState::sf;
        if (orig_fin) return ConnState::s2;
        if (resp_fin) return ConnState::s3;
        return ConnState::s1;
    }
    if (orig_syn) {
        if ((from_resp & parse::tcp_rst) != 0) return ConnState::rej;
        if ((from_orig & parse::tcp_rst) != 0) return ConnState::rstos0;
        if ((from_orig & parse::tcp_fin) != 0) return ConnState::sh;
        return from_resp == 0 ? ConnState::s0 : ConnState::oth;
    }
    if (resp_syn) {
        if ((from_resp & parse::tcp_rst) != 0) return ConnState::rstrh;
        if ((from_resp & parse::tcp_fin) != 0) return ConnState::shr;
    }
    return ConnState::oth;
}

void fill_record(const FlowState& flow, api::FlowRecord& record) noexcept {
    const auto& [hot, cold, far] = flow;
    const unsigned orig = initiator_side(hot);
    record.flow_id = cold.flow_id;
    record.start_ns = cold.start_ns;
    record.part_first_ns = cold.part_start_ns;
    record.part_last_ns = hot.last_ns;
    record.source = address_of(flow, orig);
    record.destination = address_of(flow, 1 - orig);
    record.source_port = port_of(hot, orig);
    record.destination_port = port_of(hot, 1 - orig);
    record.protocol = hot.key.protocol;
    record.state = conn_state(hot, cold);
    record.part = cold.part;
    record.flags = cold.flags;
    record.vlan = cold.vlan;
    record.vlan_inner = cold.vlan_inner;
    record.port = cold.port;
    if ((cold.flags & api::flow_tunnelled) != 0) fill_tunnel(far, orig, record);
    if ((cold.flags & api::flow_icmp_quoted) != 0) record.icmp_error = far.icmp_error;
    if ((cold.flags & api::flow_duplicates) != 0) record.duplicates = far.duplicates;
    record.handshake_rtt_ns = cold.handshake_rtt_ns;
    record.history = cold.history;
    record.requests = cold.requests;
    record.first_status = cold.first_status;
    record.rule_count = cold.rule_count;
    record.rule_generation = cold.rule_generation;
    const std::size_t kept = std::min<std::size_t>(cold.rule_count, far.rules.size());
    std::copy_n(far.rules.begin(), kept, record.rules.begin());
    record.watch_lists = cold.watch_lists;
    fill_direction(hot, cold, orig, record.directions[0]);
    fill_direction(hot, cold, 1 - orig, record.directions[1]);
}

void fill_ends(const FlowState& flow, unsigned client_side, api::EventEnds& ends) noexcept {
    const HotFlow& hot = flow.hot;
    const ColdFlow& cold = flow.cold;
    ends.flow_id = cold.flow_id;
    ends.client = address_of(flow, client_side);
    ends.server = address_of(flow, 1 - client_side);
    ends.client_port = port_of(hot, client_side);
    ends.server_port = port_of(hot, 1 - client_side);
    ends.protocol = hot.key.protocol;
    ends.flow_lost = has_lost(cold) ? 1 : 0;
    ends.port = cold.port;
    ends.vlan = cold.vlan;
}

}  // namespace picket::flow
