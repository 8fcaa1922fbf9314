// How much of a link is seen one way, swapped or twice, from the counters of its ports.
#pragma once

#include <cstdint>
#include <string>

#include "controlplane/cli/json.h"

namespace picket::cli {

// Packets. The shares are of flow records, so that they are known only when flows have ended or were cut.
struct LinkView {
    std::uint64_t ports = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t recorded = 0;
    std::uint64_t one_way = 0;
    std::uint64_t swapped = 0;

    // `link` of one more port, or of all together.
    void add(const Json& link);
    // "one-way 0.4 %   swapped 0.0 %   duplicates 12": swapped only where a link has several ports.
    [[nodiscard]] std::string text() const;
};

}  // namespace picket::cli
