// A set of addresses and networks that tells which of its entries contain an address.
//
// One table a distinct prefix length; a look-up costs one probe a length, so lists of 100,000 addresses
// are as fast as short ones. Immutable after construction, then safe for any number of readers.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "controlplane/store/address_text.h"
#include "controlplane/store/flat_map.h"

namespace picket::store {

class NetworkSet {
  public:
    NetworkSet() = default;
    // Equal entries are kept once, in the order of their first appearance.
    explicit NetworkSet(const std::vector<Network>& networks);

    [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
    [[nodiscard]] const std::vector<Network>& entries() const noexcept { return entries_; }
    [[nodiscard]] bool contains(const api::Address& address) const noexcept;

    // Calls visit(index of entry) for every entry that contains the address.
    template <typename Visit>
    void for_each_match(const api::Address& address, Visit&& visit) const {
        for (const auto& [length, table] : tables_) {
            if (const auto* index = table.find(mask_address(address, length))) visit(*index);
        }
    }

  private:
    std::vector<Network> entries_;
    std::vector<std::pair<std::uint8_t, FlatMap<api::Address, std::uint32_t>>> tables_;
};

}  // namespace picket::store
