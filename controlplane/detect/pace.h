// How fast a prober goes, and whether it has stopped.
#pragma once

#include <algorithm>
#include <cstdint>

namespace picket::detect {

// Silent for ten of its mean intervals, and for five minutes at least.
[[nodiscard]] constexpr bool has_stopped(std::uint64_t first_ns, std::uint64_t last_ns, std::uint64_t count,
                                         std::uint64_t now_ns) noexcept {
    constexpr std::uint64_t intervals = 10;
    constexpr std::uint64_t silence_ns_min = 300'000'000'000;
    if (count == 0 || now_ns <= last_ns) return false;
    const std::uint64_t interval_ns = count > 1 ? (last_ns - first_ns) / (count - 1) : 0;
    return now_ns - last_ns > std::max(silence_ns_min, interval_ns * intervals);
}

class Pace {
  public:
    // In the order of time.
    void add(std::uint64_t time_ns, bool answered) noexcept {
        if (count_ == 0) first_ns_ = time_ns;
        if (last_answered_) ++answered_before_last_;
        last_answered_ = answered;
        last_ns_ = time_ns;
        ++count_;
    }

    [[nodiscard]] std::uint64_t first_ns() const noexcept { return first_ns_; }
    [[nodiscard]] std::uint64_t last_ns() const noexcept { return last_ns_; }

    [[nodiscard]] bool stopped(std::uint64_t now_ns) const noexcept {
        return has_stopped(first_ns_, last_ns_, count_, now_ns);
    }
    // The last one was answered, and none before it.
    [[nodiscard]] bool ends_with_first_answer() const noexcept {
        return last_answered_ && answered_before_last_ == 0;
    }

  private:
    std::uint64_t count_ = 0;
    std::uint64_t first_ns_ = 0;
    std::uint64_t last_ns_ = 0;
    std::uint64_t answered_before_last_ = 0;
    bool last_answered_ = false;
};

}  // namespace picket::detect
