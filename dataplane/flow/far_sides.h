// What is known of a flow beyond its own packets: the tunnel around it, the ICMP errors about it, the copies
// of them. All are in the last line of FarFlow.
#pragma once

#include "dataplane/flow/flow_entry.h"
#include "dataplane/parse/packet.h"

namespace picket::flow {

// The tunnel of the flow's first packet: its end on the sender's side is that of the sender.
// REQUIRES: packet_tunnelled.
void begin_tunnel(ColdFlow& cold, FarFlow& far, const parse::Packet& packet) noexcept;

// An error that says the destination is not reached is kept rather than advice (of size, route, rate); among
// equals the first. REQUIRES: packet_quoted.
void note_quoted(ColdFlow& cold, FarFlow& far, const parse::Packet& packet) noexcept;

// One more copy of a packet of the flow.
void note_copy(ColdFlow& cold, FarFlow& far) noexcept;

}  // namespace picket::flow
