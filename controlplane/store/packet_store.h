// Packets of flows that had a hit, in memory; the newest are kept.
//
// Thread-safe: one appender (the drain thread), any number of readers. Bounded by bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "controlplane/store/flat_map.h"
#include "controlplane/store/stored_flow.h"

namespace picket::store {

struct StoredPacket {
    FlowKey flow;
    std::uint64_t time_ns = 0;  // UTC
    std::uint32_t wire_length = 0;
    std::uint32_t payload_at = 0;      // where in the frame the flow's own payload (layer 4) begins
    std::uint32_t payload_length = 0;  // of it there
    std::uint32_t tcp_sequence = 0;    // of its first byte
    std::uint16_t link_type = 0;       // LINKTYPE_ of capture files
    std::uint16_t port = 0;
    std::uint8_t from_responder = 0;
    std::uint8_t protocol = 0;
    std::string frame;

    [[nodiscard]] std::size_t bytes() const noexcept { return sizeof(StoredPacket) + frame.size(); }
};

using Packets = std::vector<std::shared_ptr<const StoredPacket>>;

// Flows whose packets are asked for, and when they were.
struct ChosenFlows {
    FlatMap<FlowKey, std::uint8_t> keys;
    std::uint64_t first_ns = UINT64_MAX;
    std::uint64_t last_ns = 0;

    void add(const StoredFlow& flow);
};

class PacketStore {
  public:
    explicit PacketStore(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    void add(StoredPacket packet);
    // Packets before this went to somebody else.
    void forget_before(std::uint64_t utc_ns);
    // Packets before this may be missing; 0: none are.
    [[nodiscard]] std::uint64_t horizon_ns() const;

    // Those of the flows, in the order in which they came; they stay valid as long as the caller holds them.
    [[nodiscard]] Packets of(const ChosenFlows& flows) const;

  private:
    std::size_t bytes_max_;
    mutable std::mutex mutex_;
    std::deque<std::shared_ptr<const StoredPacket>> packets_;
    std::size_t bytes_ = 0;
    std::uint64_t horizon_ns_ = 0;
};

}  // namespace picket::store
