// The contacts of one suspicion: one source and one port over hosts (a sweep), or one source and one host
// over ports (a port scan), judged by sequential hypothesis testing on first contacts.
//
// Source: J. Jung, V. Paxson, A. Berger, H. Balakrishnan, Fast Portscan Detection Using Sequential Hypothesis
// Testing, IEEE S&P 2004. A benign source's first contact succeeds with theta_0, a scanner's with theta_1;
// each first contact multiplies the likelihood ratio, and at `threshold` the source is a scanner. At the
// other bound the ratio stays, so that a source that was benign for long needs some more failures, and is
// never beyond suspicion. A series begins with a failure: what was answered before it does not count,
// whenever that becomes known.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace picket::detect {

inline constexpr double scan_theta_benign = 0.8;
inline constexpr double scan_theta_scanner = 0.2;
inline constexpr double scan_threshold = 99;  // P_D 0.99, P_F 0.01
inline constexpr double scan_floor = 1 / scan_threshold;
// The newest contacts are kept each; of older ones what they came to: a target that is tried again so much
// later counts again.
inline constexpr std::size_t scan_contacts_kept = 256;

class ScanSeries {
  public:
    // ratio: where it begins.
    explicit ScanSeries(double ratio = 1) noexcept : settled_ratio_(ratio) {}

    // target: hash of the host or port. A second contact of a target counts only if it tells that the first,
    // which seemed to fail, has been answered after all. told_before: it does not count if its time is
    // settled.
    void add(std::uint64_t target, std::uint64_t time_ns, bool failed, bool told_before = false);
    // What the other one keeps each of, but for what is settled here.
    void add_kept_of(const ScanSeries& other);
    // What began before, and has not timed out since, has been told.
    void looked_until(std::uint64_t time_ns) noexcept {
        looked_until_ns_ = std::max(looked_until_ns_, time_ns);
    }
    [[nodiscard]] std::uint64_t looked_until_ns() const noexcept { return looked_until_ns_; }
    [[nodiscard]] bool is_settled() const noexcept { return settled_ != 0; }

    [[nodiscard]] bool is_scan() const noexcept { return flagged_ns_ != 0; }
    [[nodiscard]] std::uint64_t flagged_ns() const noexcept {
        return flagged_ns_;
    }  // the contact that decided
    [[nodiscard]] std::size_t failures() const noexcept { return failures_; }
    [[nodiscard]] std::size_t targets() const noexcept { return contacts_.size() - leading_ + settled_; }
    [[nodiscard]] std::uint64_t first_ns() const noexcept { return first_ns_; }
    [[nodiscard]] std::uint64_t last_ns() const noexcept {
        return contacts_.empty() ? 0 : contacts_.back().time_ns;
    }

  private:
    struct Tried {
        std::uint64_t target = 0;
        std::uint64_t time_ns = 0;
        bool failed = false;
    };
    void judge();
    void settle_oldest();
    void find_beginning();
    [[nodiscard]] static double step(double ratio, bool failed) noexcept;

    std::vector<Tried> contacts_;  // by time
    std::size_t leading_ = 0;      // of them, answered before the first failure: not counted
    std::size_t failures_ = 0;
    // Of those before contacts_.
    std::size_t settled_ = 0;
    double settled_ratio_ = 1;
    std::uint64_t settled_flagged_ns_ = 0;
    std::uint64_t flagged_ns_ = 0;
    std::uint64_t first_ns_ = 0;
    std::uint64_t looked_until_ns_ = 0;
};

}  // namespace picket::detect
