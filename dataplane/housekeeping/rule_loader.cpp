#include "dataplane/housekeeping/rule_loader.h"

#include <algorithm>
#include <atomic>
#include <new>
#include <utility>

namespace picket::housekeeping {

bool RuleLoader::load(std::span<const std::byte> shared, std::uint32_t generation, std::string& error) try {
    // RuleSet::load() copies before it checks.
    auto rules = match::RuleSet::load(shared, generation, bit_names_, error);
    if (rules == nullptr) return false;
    std::vector<std::unique_ptr<match::Matcher>> matchers;
    for (std::size_t i = 0; i < pipelines_.size(); ++i) {
        matchers.push_back(match::Matcher::create(rules, error));
        if (matchers.back() == nullptr) return false;
    }
    std::vector<std::shared_ptr<const match::RuleCosts>> costs;
    for (const auto& matcher : matchers) costs.push_back(matcher->costs());
    costs_ = std::move(costs);
    generation_ = generation;
    for (std::size_t i = 0; i < pipelines_.size(); ++i) {
        // An offer that was not taken up yet is withdrawn: the newest generation counts.
        delete pipelines_[i]->offer_matcher(matchers[i].release());
    }
    return true;
} catch (const std::bad_alloc&) {
    error = "not enough memory for the rule set";
    return false;
}

void RuleLoader::collect() noexcept {
    for (Pipeline* pipeline : pipelines_) delete pipeline->take_retired();
}

void RuleLoader::publish_costs(api::RuleCostArea& area) const noexcept {
    if (costs_.empty()) return;
    const std::size_t rules = std::min(costs_.front()->size(), api::rule_costs_max);
    area.sequence.write_begin();
    std::atomic_ref<std::uint64_t>(area.generation).store(generation_, std::memory_order_relaxed);
    std::atomic_ref<std::uint64_t>(area.rules).store(rules, std::memory_order_relaxed);
    for (std::size_t group = 0; group < api::filter_group_count; ++group) {
        std::uint64_t scanned = 0;
        for (const auto& costs : costs_) scanned += costs->scanned(group);
        std::atomic_ref<std::uint64_t>(area.scanned[group]).store(scanned, std::memory_order_relaxed);
    }
    for (std::size_t rule = 0; rule < rules; ++rule) {
        api::RuleCost sum;
        for (const auto& costs : costs_) costs->add_to(sum, rule);
        api::store_words(area.costs[rule], sum);
    }
    area.sequence.write_end();
}

}  // namespace picket::housekeeping
