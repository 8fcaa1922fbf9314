// In what flows of different sources agree, and how much that weighs. See single_origin.h.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "controlplane/store/stored_flow.h"

namespace picket::detect {

struct Finding {
    double bits = 0;
    std::string sentence;
};

struct Evidence {
    std::optional<std::uint16_t> ip_id;  // in all flows
    std::optional<std::uint8_t> tos;
    std::vector<Finding> findings;

    [[nodiscard]] double bits() const noexcept;
    [[nodiscard]] std::size_t kinds() const noexcept { return findings.size(); }
    [[nodiscard]] std::vector<std::string> sentences() const;  // the weightiest first
};

// flows: to one destination and port, of one TTL, by their start, of `sources` sources. ttl_counts: the TTL
// was not what they were picked by.
[[nodiscard]] Evidence gather_evidence(std::span<const store::StoredFlow* const> flows, std::size_t sources,
                                       bool ttl_counts);

}  // namespace picket::detect
