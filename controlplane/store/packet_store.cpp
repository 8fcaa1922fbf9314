#include "controlplane/store/packet_store.h"

#include <algorithm>

namespace picket::store {

void ChosenFlows::add(const StoredFlow& flow) {
    keys[flow.key()] = 1;
    first_ns = std::min(first_ns, flow.start_ns);
    last_ns = std::max(last_ns, flow.last_ns);
}

void PacketStore::add(StoredPacket packet) {
    const std::lock_guard lock(mutex_);
    bytes_ += packet.bytes();
    packets_.push_back(std::make_shared<const StoredPacket>(std::move(packet)));
    while (bytes_ > bytes_max_) {
        horizon_ns_ = std::max(horizon_ns_, packets_.front()->time_ns);
        bytes_ -= packets_.front()->bytes();
        packets_.pop_front();
    }
}

void PacketStore::forget_before(std::uint64_t utc_ns) {
    const std::lock_guard lock(mutex_);
    horizon_ns_ = std::max(horizon_ns_, utc_ns);
}

std::uint64_t PacketStore::horizon_ns() const {
    const std::lock_guard lock(mutex_);
    return horizon_ns_;
}

Packets PacketStore::of(const ChosenFlows& flows) const {
    const std::lock_guard lock(mutex_);
    Packets found;
    for (const auto& packet : packets_) {
        if (flows.keys.find(packet->flow) != nullptr) found.push_back(packet);
    }
    return found;
}

}  // namespace picket::store
