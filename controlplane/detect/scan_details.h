// What the flows that are kept say of a scan: each target's first contact, when it stopped, and why.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "controlplane/detect/scan_detector.h"
#include "controlplane/store/outcome.h"

namespace picket::detect {

struct ScanDetails {
    std::uint64_t destinations = 0;
    std::uint64_t ports = 0;
    std::uint64_t flows = 0;
    std::array<std::uint64_t, store::outcome_texts.size()> outcomes{};  // of first contacts
    std::uint64_t first_ns = 0;
    std::uint64_t last_ns = 0;  // the last target's first contact
    bool stopped = false;       // nothing for longer than its pace lets expect
    bool stopped_after_first_answer = false;
};

// flows: whole ones, any; those of the scan are picked.
[[nodiscard]] ScanDetails scan_details(const Scan& scan, std::span<const store::StoredFlow* const> flows,
                                       std::uint64_t now_ns);

}  // namespace picket::detect
