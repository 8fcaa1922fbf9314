// The data plane's side of the shared memory: makes, seals, maps and lays out both segments.
//
// Owned by main for the life of the process. Areas and rings are handed out once each to their writers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/api/segment.h"

namespace picket::housekeeping {

struct SegmentPort {
    std::string name;
    std::string group;
    std::string device;
};

class Segments {
  public:
    // ring_bytes: of each ring, a power of two. Throws SetupError if the kernel refuses memory or seals.
    Segments(std::size_t workers, const std::vector<SegmentPort>& ports, std::size_t ring_bytes, bool replay);
    ~Segments();
    Segments(const Segments&) = delete;
    Segments& operator=(const Segments&) = delete;

    [[nodiscard]] api::EvidenceHeader& evidence() noexcept { return *evidence_; }
    [[nodiscard]] const api::ControlHeader& control() const noexcept { return *control_; }
    [[nodiscard]] api::WorkerArea& worker_area(std::size_t worker) noexcept;
    [[nodiscard]] api::PortArea& port_area(std::size_t port) noexcept;
    [[nodiscard]] api::RuleCostArea& rule_costs() noexcept;
    // Ring `workers` is the housekeeping thread's.
    [[nodiscard]] api::EventRingWriter ring_writer(std::size_t ring) noexcept;

    [[nodiscard]] int evidence_fd() const noexcept { return evidence_fd_; }
    [[nodiscard]] int control_fd() const noexcept { return control_fd_; }
    [[nodiscard]] std::size_t evidence_bytes() const noexcept { return evidence_bytes_; }
    [[nodiscard]] std::size_t control_bytes() const noexcept { return control_bytes_; }

    // `size` bytes of the rule area, which picketd can change at any time: copy before looking. nullptr if
    // the range is not within the area.
    [[nodiscard]] const std::byte* rule_bytes(std::uint64_t offset, std::uint64_t size) const noexcept;

  private:
    int evidence_fd_ = -1;
    int control_fd_ = -1;
    std::size_t evidence_bytes_ = 0;
    std::size_t control_bytes_ = 0;
    std::byte* evidence_memory_ = nullptr;
    std::byte* control_memory_ = nullptr;
    api::EvidenceHeader* evidence_ = nullptr;
    api::ControlHeader* control_ = nullptr;
};

}  // namespace picket::housekeeping
