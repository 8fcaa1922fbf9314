// Ids of flowbits, by name: given once and kept for the life of the data plane, so that the bits of flows
// in flight mean the same under every generation of rules, whichever picketd compiled them.
//
// Owned by whoever loads rule sets, and used by that thread alone. Allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace picket::match {

class BitNames {
  public:
    static constexpr std::size_t names_max = 65'536;

    // The name's id, a new one if it has none; nullopt if there are names_max others.
    [[nodiscard]] std::optional<std::uint32_t> id_of(std::string_view name);

  private:
    std::map<std::string, std::uint32_t, std::less<>> ids_;
};

}  // namespace picket::match
