// One worker's Pipeline with rules from their text.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "controlplane/rules/rule_compiler.h"
#include "controlplane/rules/rule_parser.h"
#include "tests/support/pipeline_harness.h"

namespace picket::testing {

// A worker and the generations of rules that it was given.
class RuleWorker {
  public:
    explicit RuleWorker(const PipelineSettings& settings = PipelineHarness::replay_settings(),
                        std::size_t ring_bytes = PipelineHarness::ring_bytes_default)
        : worker(settings, nullptr, ring_bytes) {}

    void load(const std::string& text) {
        const auto parsed = rules::parse_rules(text, "f", {});
        EXPECT_EQ(rules::list_rejects(parsed.rejects), "");
        const auto compiled = rules::compile_rules(parsed.rules, {});
        std::string error;
        const auto set = match::RuleSet::load(compiled.blob, ++generation_, names_, error);
        ASSERT_TRUE(set) << error;
        delete worker.pipeline.offer_matcher(match::Matcher::create(set, error).release());
        worker.pipeline.housekeep(1);
        delete worker.pipeline.take_retired();
        for (const auto& rule : compiled.rules) sids_[generation_].push_back(rule.sid);
    }

    // "generation:sid" of the hits since the last call.
    std::string hits() {
        std::string text;
        for (const api::HitEvent& hit : worker.hits) {
            text += (text.empty() ? "" : " ") + std::to_string(hit.generation) + ":" +
                    std::to_string(sids_.at(hit.generation).at(hit.rule));
        }
        worker.hits.clear();
        return text;
    }
    [[nodiscard]] const std::map<std::uint32_t, std::vector<std::uint32_t>>& sids() const { return sids_; }

    PipelineHarness worker;

  private:
    match::BitNames names_;
    std::uint32_t generation_ = 0;
    std::map<std::uint32_t, std::vector<std::uint32_t>> sids_;
};

}  // namespace picket::testing
