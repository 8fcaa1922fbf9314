// What the rule indices of events mean: asked by queries and by everything that prints a rule.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/rules/rule_compiler.h"

namespace picket::store {

// One generation of rules and watch lists, as it was compiled. Immutable.
struct RuleGeneration {
    std::uint32_t number = 0;
    std::shared_ptr<const std::vector<rules::RuleInfo>> rules;  // never nullptr
    std::vector<std::string> watch_lists;                       // names; index i is bit i
    // What the filter looks for of each rule; nullptr where that is not known (archived generations).
    std::shared_ptr<const std::vector<std::optional<rules::FilterChoice>>> filters;

    // nullptr if the index is out of range.
    [[nodiscard]] const rules::RuleInfo* rule(std::uint32_t index) const noexcept {
        return index < rules->size() ? &(*rules)[index] : nullptr;
    }
};

class RuleDirectory {
  public:
    virtual ~RuleDirectory() = default;
    // nullptr if nothing is known of that generation. Thread-safe.
    [[nodiscard]] virtual std::shared_ptr<const RuleGeneration> generation(std::uint32_t number) const = 0;
};

// Of what has no rules.
class NoRules final : public RuleDirectory {
  public:
    [[nodiscard]] std::shared_ptr<const RuleGeneration> generation(std::uint32_t) const override {
        return nullptr;
    }
};

}  // namespace picket::store
