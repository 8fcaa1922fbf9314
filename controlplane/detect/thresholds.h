// Which hits of a rule alert: its threshold or detection_filter, over hits in the order of their time.
//
// Windows are fixed: one begins with the first hit after the end of the one before, and lasts `seconds`.
//
//   limit             the first `count` hits of a window
//   threshold         every count-th hit of a window; in Snort's dialects a window ends with its alert
//   both              the count-th hit of a window, once
//   detection_filter  all hits of a window after `count`; in Snort's dialects also all hits of a window that
//                     follows one with more than count + 1, unless the source was silent for `seconds`
//
// State is kept by gid:sid and by what is tracked, so that it survives a reload. Bounded: where there are too
// many states, one whose window is over goes first, else one of the oldest, which is counted. What was
// counted is forgotten then: a hit may alert, or not, that would (not) have.
//
// Sources: sfthd.cc of Snort 3, detect-engine-threshold.c of Suricata. Other than theirs, windows are not
// rounded to seconds; and Snort's `both` never alerts with a count of 1 after the first window, ours does.
//
// Owned by the drain thread; the totals may be read by any.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>

#include "controlplane/rules/rule.h"
#include "controlplane/store/flat_map.h"

namespace picket::detect {

struct Hit;

class Thresholds {
  public:
    static constexpr std::size_t states_max_default = 262'144;  // about 100 bytes each

    explicit Thresholds(api::Dialect dialect, std::size_t states_max = states_max_default)
        : snort_(dialect != api::Dialect::suricata), states_max_(states_max) {}

    // Keeps of the hit (which may stand for several) what alerts: changes its count. False if nothing of it
    // does. Of several that one stands for, the first has time_ns, and all others last_ns.
    [[nodiscard]] bool apply(const rules::Threshold& threshold, Hit& hit);

    [[nodiscard]] std::uint64_t suppressed() const noexcept {
        return suppressed_.load(std::memory_order_relaxed);
    }
    // States that were given up within their window.
    [[nodiscard]] std::uint64_t evicted() const noexcept { return evicted_.load(std::memory_order_relaxed); }

  private:
    struct Key {
        std::uint64_t rule = 0;  // gid << 32 | sid
        api::Address first;
        api::Address second;
        bool operator==(const Key&) const = default;
        [[nodiscard]] std::uint64_t hash(const store::FlatHash& base) const noexcept {
            return store::mix_words(base(first) ^ rule, base(second));
        }
    };
    struct State {
        std::uint64_t end_ns = 0;  // of the window
        std::uint64_t last_ns = 0;
        std::uint64_t count = 0;
        std::uint64_t previous = 0;  // hits of the window before, for Snort's detection_filter
        bool used = false;
    };

    static Key key_of(rules::ThresholdTrack track, const Hit& hit);
    State& state_of(const Key& key, std::uint64_t time_ns);
    void evict(std::uint64_t time_ns);
    // How many of `hits` at one time alert.
    [[nodiscard]] std::uint64_t alerts(const rules::Threshold& threshold, State& state, std::uint64_t time_ns,
                                       std::uint64_t hits) const;

    bool snort_;
    std::size_t states_max_;
    store::FlatMap<Key, State> states_;
    std::deque<Key> order_;  // of their creation, or of being spared
    std::atomic<std::uint64_t> suppressed_{0};
    std::atomic<std::uint64_t> evicted_{0};
};

}  // namespace picket::detect
