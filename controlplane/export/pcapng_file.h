// Packets as a pcapng file (draft-ietf-opsawg-pcapng), with times in nanoseconds, an interface for each port
// and link type, and the flow of each packet as its comment.
//
// Pure functions.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "controlplane/store/packet_store.h"

namespace picket::exporter {

// port_name: of a port's number; may be empty.
std::string pcapng_file(std::span<const std::shared_ptr<const store::StoredPacket>> packets,
                        const std::string& application,
                        const std::function<std::string(std::uint16_t)>& port_name);

}  // namespace picket::exporter
