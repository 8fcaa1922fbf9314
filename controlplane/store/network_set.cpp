#include "controlplane/store/network_set.h"

#include <algorithm>

namespace picket::store {

NetworkSet::NetworkSet(const std::vector<Network>& networks) {
    for (const auto& network : networks) {
        auto table = std::find_if(tables_.begin(), tables_.end(),
                                  [&](const auto& entry) { return entry.first == network.length; });
        if (table == tables_.end()) {
            tables_.emplace_back(network.length, FlatMap<api::Address, std::uint32_t>{});
            table = tables_.end() - 1;
        }
        if (table->second.find(network.address)) continue;
        table->second[network.address] = static_cast<std::uint32_t>(entries_.size());
        entries_.push_back(network);
    }
}

bool NetworkSet::contains(const api::Address& address) const noexcept {
    return std::any_of(tables_.begin(), tables_.end(), [&](const auto& entry) {
        return entry.second.find(mask_address(address, entry.first)) != nullptr;
    });
}

}  // namespace picket::store
