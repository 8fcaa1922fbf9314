// Which worker owns a flow: the queue that a NIC with the symmetric key would pick for its innermost
// addresses and, for TCP and UDP, ports.
//
// So a plain packet on such a NIC is already where it belongs, and what the NIC cannot hash that way
// (fragments, tunnels, odd link layers, other NICs) is brought to the same place. Pure function.
#pragma once

#include <cstdint>

#include "dataplane/parse/packet.h"

namespace picket::steer {

// REQUIRES: workers > 0, and a packet that parse_frame() accepted.
[[nodiscard]] std::uint32_t owner_of(const parse::Packet& packet, std::uint32_t workers) noexcept;

}  // namespace picket::steer
