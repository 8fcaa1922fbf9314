// The two segments of a data plane, mapped and checked.
//
// The headers come from another process: every size and offset is copied once, checked against what is
// really mapped, and only the checked copy is used afterwards. Evidence is mapped read-only.
// Thread safety: the layout is immutable; counters are read under their sequence counters by any thread;
// ring read positions belong to the drain thread, the mailbox to MailboxClient.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "dataplane/api/segment.h"

namespace picket::drain {

// Checked copies of the header fields that never change.
struct SegmentLayout {
    std::uint32_t workers = 0;
    std::uint32_t ports = 0;
    std::uint64_t worker_areas_offset = 0;
    std::uint64_t port_areas_offset = 0;
    std::uint64_t rule_costs_offset = 0;
    std::uint64_t rings_offset = 0;
    std::uint64_t ring_size = 0;
    std::uint64_t rule_area_offset = 0;
    std::uint64_t rule_area_size = 0;
    std::uint64_t run_id = 0;
    std::uint64_t started_utc_ns = 0;
    std::uint64_t tsc_hz = 0;
    std::uint64_t process_id = 0;
    bool replay = false;
    std::string build_version;
};

// "the data plane speaks contract version 2, this picketd 1; ..."
std::string other_version_sentence(std::uint32_t version);

// Fill layout and return nothing, or return a sentence that says what is wrong. size: bytes mapped.
std::optional<std::string> check_evidence(const api::EvidenceHeader& header, std::uint64_t size,
                                          SegmentLayout& layout);
std::optional<std::string> check_control(const api::ControlHeader& header, std::uint64_t size,
                                         SegmentLayout& layout);

class Segments {
  public:
    // Takes the descriptors over and closes them. nullptr and why in error if they are not usable.
    static std::shared_ptr<Segments> map(int evidence_fd, int control_fd, std::string& error);
    ~Segments();
    Segments(const Segments&) = delete;
    Segments& operator=(const Segments&) = delete;

    [[nodiscard]] const SegmentLayout& layout() const noexcept { return layout_; }
    [[nodiscard]] const api::EvidenceHeader& evidence() const noexcept {
        return *reinterpret_cast<const api::EvidenceHeader*>(evidence_.data());
    }
    [[nodiscard]] api::ControlHeader& control() const noexcept {
        return *reinterpret_cast<api::ControlHeader*>(control_.data());
    }
    [[nodiscard]] const api::WorkerArea& worker(std::uint32_t index) const noexcept;
    [[nodiscard]] const api::PortArea& port(std::uint32_t index) const noexcept;
    [[nodiscard]] const api::RuleCostArea& rule_costs() const noexcept;
    [[nodiscard]] std::uint32_t ring_count() const noexcept { return layout_.workers + 1; }
    [[nodiscard]] const std::byte* ring(std::uint32_t index) const noexcept;
    [[nodiscard]] std::span<std::byte> rule_area() const noexcept;

    [[nodiscard]] api::DataplaneState state() const noexcept;
    // Bytes in ring `index` that were not read yet; never more than the ring holds.
    [[nodiscard]] std::uint64_t ring_used(std::uint32_t index) const noexcept;

  private:
    Segments() = default;

    std::span<const std::byte> evidence_;
    std::span<std::byte> control_;
    SegmentLayout layout_;
};

}  // namespace picket::drain
