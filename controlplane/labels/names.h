// Names of addresses, each for a time: who had an address then, not who has it now.
//
// From CSV, a name a line: NETWORK,NAME[,FROM[,UNTIL]], '#' begins a comment, fields may be quoted (RFC
// 4180). FROM is inclusive, UNTIL exclusive; a missing one has no bound. Immutable after construction.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/store/network_set.h"

namespace picket::labels {

struct NameLine {
    store::Network network;
    std::string name;
    std::uint64_t from_ns = 0;
    std::uint64_t until_ns = UINT64_MAX;
};

inline constexpr std::size_t names_max = 1'000'000;

// A line that is not understood, and why.
struct Mistake {
    std::size_t line = 0;  // 1-based
    std::string why;
};

// At most names_max lines are read; the rest is one mistake.
std::vector<NameLine> parse_names(std::string_view text, std::vector<Mistake>& mistakes);

class NameTable {
  public:
    NameTable() = default;
    explicit NameTable(std::vector<NameLine> lines);

    [[nodiscard]] bool empty() const noexcept { return names_.empty(); }
    // Of the longest network that holds the address and has a name at that time; of several the last line's.
    // nullptr: it has none. It stays valid as long as the table.
    [[nodiscard]] const std::string* find(const api::Address& address, std::uint64_t time_ns) const;

  private:
    store::NetworkSet networks_;
    std::vector<std::vector<NameLine>> names_;  // of each of its entries
};

}  // namespace picket::labels
