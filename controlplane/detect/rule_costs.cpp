#include "controlplane/detect/rule_costs.h"

#include <algorithm>
#include <thread>

namespace picket::detect {

namespace {
constexpr unsigned tries_max = 1000;
}

double cycles_of(const api::RuleCost& cost) noexcept {
    if (cost.measured == 0) return 0;
    return static_cast<double>(cost.cycles) * static_cast<double>(cost.candidates) /
           static_cast<double>(cost.measured);
}

std::optional<RuleCosts> read_rule_costs(const drain::Segments& segments) {
    const api::RuleCostArea& area = segments.rule_costs();
    for (unsigned i = 0; i < tries_max; ++i) {
        RuleCosts costs;
        const auto begin = area.sequence.read_begin();
        costs.generation = static_cast<std::uint32_t>(__atomic_load_n(&area.generation, __ATOMIC_RELAXED));
        for (std::size_t group = 0; group < api::filter_group_count; ++group) {
            costs.scanned[group] = __atomic_load_n(&area.scanned[group], __ATOMIC_RELAXED);
        }
        // The number comes from another process: it is held to what there is.
        const auto rules =
            std::min<std::uint64_t>(__atomic_load_n(&area.rules, __ATOMIC_RELAXED), api::rule_costs_max);
        costs.rules.resize(rules);
        for (std::size_t rule = 0; rule < rules; ++rule) api::load_words(costs.rules[rule], area.costs[rule]);
        if (area.sequence.read_ok(begin)) {
            return costs.generation == 0 ? std::nullopt : std::optional(std::move(costs));
        }
        std::this_thread::yield();
    }
    return std::nullopt;
}

}  // namespace picket::detect
