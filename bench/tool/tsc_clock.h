// The time stamp counter as a clock: what it counts in a second, measured once against CLOCK_MONOTONIC.
// Read-only after construction.
#pragma once

#include <x86intrin.h>

#include <cstdint>

namespace picket::bench {

class TscClock {
  public:
    // Takes 50 ms.
    TscClock();
    [[nodiscard]] double hz() const noexcept { return hz_; }
    [[nodiscard]] std::uint64_t cycles(double seconds) const noexcept {
        return static_cast<std::uint64_t>(seconds * hz_);
    }
    [[nodiscard]] double ns(double cycles) const noexcept { return cycles / hz_ * 1e9; }

  private:
    double hz_;
};

}  // namespace picket::bench
