#include "dataplane/flow/far_sides.h"

#include <cstring>

namespace picket::flow {
namespace {

api::Address outer_address(const parse::Packet& packet, unsigned end) noexcept {
    api::Address address;
    if (packet.outer_family == 4) address = api::ipv4_mapped(packet.outer + 4 * std::size_t{end});
    if (packet.outer_family == 6) std::memcpy(address.bytes.data(), packet.outer + 16 * std::size_t{end}, 16);
    return address;
}

}  // namespace

void begin_tunnel(ColdFlow& cold, FarFlow& far, const parse::Packet& packet) noexcept {
    cold.flags |= api::flow_tunnelled;
    far.tunnel = packet.tunnel;
    far.tunnel_depth = packet.tunnel_depth;
    far.tunnel_id = packet.tunnel_id;
    far.outer[packet.side] = outer_address(packet, 0).bytes;
    far.outer[1 - packet.side] = outer_address(packet, 1).bytes;
}

void note_quoted(ColdFlow& cold, FarFlow& far, const parse::Packet& packet) noexcept {
    const bool first = (cold.flags & api::flow_icmp_quoted) == 0;
    const bool ipv6 = packet.ipv6 != nullptr;
    if (first ||
        (api::is_icmp_advice(ipv6, far.icmp_error) && !api::is_icmp_advice(ipv6, packet.icmp_error))) {
        far.icmp_error = packet.icmp_error;
    }
    cold.flags |= api::flow_icmp_quoted;
}

void note_copy(ColdFlow& cold, FarFlow& far) noexcept {
    if ((cold.flags & api::flow_duplicates) == 0) far.duplicates = 0;
    cold.flags |= api::flow_duplicates;
    ++far.duplicates;
}

}  // namespace picket::flow
