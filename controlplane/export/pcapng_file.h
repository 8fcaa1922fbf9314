// Packets as a pcapng file (draft-ietf-opsawg-pcapng), with times in nanoseconds, an interface for each port
// and link type, and the flow of each packet as its comment.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>

#include "controlplane/store/packet_store.h"

namespace picket::exporter {

class PcapngWriter {
  public:
    // Of a port's number; may be empty.
    using PortName = std::function<std::string(std::uint16_t)>;

    PcapngWriter(const std::string& application, PortName port_name);

    void add(const store::StoredPacket& packet);
    // What has been written since the last call.
    [[nodiscard]] std::string take() { return std::exchange(text_, {}); }

  private:
    std::string text_;
    PortName port_name_;
    std::map<std::pair<std::uint16_t, std::uint16_t>, std::uint32_t> interfaces_;  // port and link type
};

std::string pcapng_file(std::span<const std::shared_ptr<const store::StoredPacket>> packets,
                        const std::string& application, PcapngWriter::PortName port_name);

}  // namespace picket::exporter
