// How flows, their parts and their sides begin.
#include <cstddef>
#include <cstring>

#include "dataplane/flow/far_sides.h"
#include "dataplane/flow/flow_tracker.h"

namespace picket::flow {

// REQUIRES: hot.key and hot.cold are set. Everything else begins anew, but for what belongs to the entry.
void FlowTracker::begin(HotFlow& hot, const parse::Packet& packet) noexcept {
    const FlowKey key = hot.key;
    const std::uint32_t index = hot.cold;
    hot = HotFlow{};
    hot.key = key;
    hot.cold = index;
    ColdFlow& cold = table_.cold(index);
    std::memset(static_cast<void*>(&cold), 0, sizeof(ColdFlow));
    cold.http_state = no_index;
    ++created_;
    cold.flow_id = settings_.id_from_sequence ? packet.sequence + 1 : settings_.id_base + created_;
    cold.start_ns = packet.time_ns;
    cold.vlan = packet.vlan;
    cold.vlan_inner = packet.vlan_inner;
    cold.port = packet.port;
    if ((packet.flags & parse::packet_tunnelled) != 0) begin_tunnel(cold, table_.far(hot.cold), packet);
    begin_part(hot, cold, packet.time_ns);
    hot.last_ns = packet.time_ns;
    // The sender is the initiator until a SYN or a reply proves otherwise.
    const bool answer = (packet.flags & parse::packet_icmp_reply) != 0;
    if (packet.side != (answer ? 1 : 0)) hot.marks |= mark_initiator_b;
    if (packet.side != 0) hot.marks |= mark_last_side_b;
    if (packet.key.protocol == parse::protocol_tcp) {
        const bool syn = (packet.tcp_flags & parse::tcp_syn) != 0;
        const bool opening = syn && (packet.tcp_flags & parse::tcp_ack) == 0;
        set_activity(hot, opening ? Activity::opening : Activity::established);
        if (!syn) cold.flags |= api::flow_midstream;
    }
}

void FlowTracker::begin_part(HotFlow& hot, ColdFlow& cold, std::uint64_t time_ns) noexcept {
    ++cold.part;
    cold.part_start_ns = time_ns;
    hot.part_tick = part_tick(time_ns);
    hot.packets = {};
    hot.bytes = {};
    cold.sides[0].bytes_carry = 0;
    cold.sides[1].bytes_carry = 0;
}

bool FlowTracker::part_is_due(const HotFlow& hot, const parse::Packet& packet) noexcept {
    if (hot.packets[packet.side] == 0xffffffff) return true;
    const auto ticks = static_cast<std::uint16_t>(part_tick(packet.time_ns) - hot.part_tick);
    // Ticks wrap after 2.4 h; a flow that was silent as long as that is due by its silence.
    const bool silent =
        packet.time_ns > hot.last_ns && packet.time_ns - hot.last_ns > settings_.active_timeout_ns;
    if (ticks < limits_.part_ticks && !silent) return false;
    // A packet from before the part's beginning looks like a large distance to the coarse ticks.
    const std::uint64_t start_ns = table_.cold(hot.cold).part_start_ns;
    return packet.time_ns > start_ns && packet.time_ns - start_ns > settings_.active_timeout_ns;
}

void FlowTracker::begin_side(HotFlow& hot, ColdFlow& cold, const parse::Packet& packet) noexcept {
    ColdSide& side = cold.sides[packet.side];
    if (packet.vlan != cold.vlan || packet.vlan_inner != cold.vlan_inner)
        cold.flags |= api::flow_vlan_swapped;
    // PERF: the other side's line is read last, where ports are paired: it is not fetched ahead.
    const bool paired = packet.port == cold.port && (settings_.paired_ports >> packet.port & 1u) != 0;
    if (paired && cold.sides[1 - packet.side].first_ns != 0) cold.flags |= api::flow_port_swapped;
    side.first_ns = packet.time_ns;
    side.ip_id_first = packet.ip_id;
    side.ttl_min = packet.ttl;
    side.ttl_max = packet.ttl;
    side.tos_first = packet.tos;
    side.tcp_flags_first = packet.tcp_flags;
    hot.ttl[packet.side] = packet.ttl;
}

}  // namespace picket::flow
