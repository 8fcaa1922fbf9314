#include "dataplane/housekeeping/rule_loader.h"

#include <new>

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

}  // namespace picket::housekeeping
