// What each rule costs one worker: how often it was judged, for how long, and with what outcome.
//
// Writer: the worker whose matcher it belongs to. The housekeeping thread reads the words one by one while
// the worker goes on, so that a copy is not one moment's, but every number in it was true. All memory is
// allocated, and touched, in the constructor.
//
// PERF: reading the TSC twice takes 25 ns, a fifth of an ordinary judgement, so of each rule's judgements the
// first and then every sixteenth is timed. They are counted for each rule, so that a rare rule is timed as
// well.
#pragma once

#include <x86intrin.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/api/rule_costs.h"

namespace picket::match {

class RuleCosts {
  public:
    static constexpr std::uint64_t timed_every = 16;

    // Throws std::bad_alloc.
    explicit RuleCosts(std::size_t rules) : costs_(rules) {}

    // Around one judgement; `exceeded` is the judge's count of limits, before and after.
    class Judgement {
      public:
        Judgement(RuleCosts& costs, std::uint32_t rule, std::uint64_t exceeded) noexcept
            : cost_(costs.costs_[rule]), exceeded_(exceeded), timed_(cost_.candidates % timed_every == 0) {
            if (timed_) begin_ = __rdtsc();
        }
        void end(bool holds, std::uint64_t exceeded) noexcept {
            if (timed_) {
                add(cost_.cycles, __rdtsc() - begin_);
                add(cost_.measured, 1);
            }
            add(cost_.candidates, 1);
            if (holds) add(cost_.hits, 1);
            if (exceeded != exceeded_) add(cost_.limits_exceeded, 1);
        }

      private:
        api::RuleCost& cost_;
        std::uint64_t exceeded_;
        std::uint64_t begin_ = 0;
        bool timed_;
    };

    // The filter found the rule's element in one more text.
    void count_found(std::uint32_t rule) noexcept { add(costs_[rule].found, 1); }
    void count_scanned(api::FilterGroup group, std::uint64_t texts) noexcept {
        add(scanned_[static_cast<std::size_t>(group)], texts);
    }

    // Adds what rule has cost so far. Any thread. REQUIRES: rule < size().
    void add_to(api::RuleCost& sum, std::size_t rule) const noexcept {
        const api::RuleCost& cost = costs_[rule];
        sum.candidates += read(cost.candidates);
        sum.measured += read(cost.measured);
        sum.cycles += read(cost.cycles);
        sum.hits += read(cost.hits);
        sum.limits_exceeded += read(cost.limits_exceeded);
        sum.found += read(cost.found);
    }
    [[nodiscard]] std::uint64_t scanned(std::size_t group) const noexcept { return read(scanned_[group]); }
    [[nodiscard]] std::size_t size() const noexcept { return costs_.size(); }

  private:
    static void add(std::uint64_t& word, std::uint64_t more) noexcept {
        std::atomic_ref<std::uint64_t>(word).store(word + more, std::memory_order_relaxed);
    }
    static std::uint64_t read(const std::uint64_t& word) noexcept {
        return __atomic_load_n(&word, __ATOMIC_RELAXED);  // atomic_ref is not for const in C++20
    }

    std::vector<api::RuleCost> costs_;
    std::array<std::uint64_t, api::filter_group_count> scanned_{};
};

}  // namespace picket::match
