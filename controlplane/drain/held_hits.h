// Hits of rules with thresholds, put in the order of their time: each worker tells its own in order, but a
// source's flows are spread over workers, and which hits alert depends on the order of all of them.
//
// Order is by time, flow, request and rule, so that it is the same for any number of workers as long as no
// more than held_max hits are told before one that is older. Not thread-safe: the drain thread's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/detect/alert_table.h"
#include "controlplane/rules/rule.h"
#include "controlplane/store/stored_request.h"

namespace picket::drain {

struct HeldHit {
    detect::Hit hit;
    rules::Threshold threshold;
    std::uint16_t port = 0;
    std::string category;                         // the rule's class type
    std::uint32_t request_number = 0;             // of the flow
    std::optional<store::StoredRequest> request;  // nullopt: not about a request, or counted
};

class HeldHits {
  public:
    static constexpr std::size_t held_max = 65'536;

    void add(HeldHit hit);
    [[nodiscard]] bool overfull() const noexcept { return hits_.size() > held_max; }
    [[nodiscard]] bool empty() const noexcept { return hits_.empty(); }
    // REQUIRES: not empty.
    [[nodiscard]] std::uint64_t oldest_ns() const noexcept { return hits_.front().hit.time_ns; }
    HeldHit take_oldest();

  private:
    std::vector<HeldHit> hits_;  // a heap, the oldest in front
};

}  // namespace picket::drain
