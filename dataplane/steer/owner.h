// Which worker owns a flow: the queue that a NIC with the symmetric key would pick for its innermost
// addresses, whatever the protocol (docs/decisions/0010-owner-by-addresses.md).
//
// So all flows of an address pair, and fragments, which have no ports, are at one worker. A packet on such a
// NIC is already where it belongs, and what the NIC cannot hash that way (tunnels, odd link layers, other
// NICs) is brought to the same place. Pure function.
#pragma once

#include <cstdint>

#include "dataplane/parse/packet.h"

namespace picket::steer {

// REQUIRES: workers > 0, and a packet that parse_frame() accepted.
[[nodiscard]] std::uint32_t owner_of(const parse::Packet& packet, std::uint32_t workers) noexcept;

}  // namespace picket::steer
