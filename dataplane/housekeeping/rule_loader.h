// Brings a rule blob from the rule area to all workers, and frees what they no longer use.
//
// Runs on the housekeeping thread: copies the blob out of the shared area (picketd could change it at any
// moment), has it checked and compiled, makes one matcher a worker and offers it. Workers adopt between
// bursts; none is ever stopped. A generation is adopted when every worker has reported it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dataplane/pipeline.h"

namespace picket::housekeeping {

class RuleLoader {
  public:
    explicit RuleLoader(std::vector<Pipeline*> pipelines) : pipelines_(std::move(pipelines)) {}

    // False and a sentence if the blob cannot be used; the workers keep what they have.
    [[nodiscard]] bool load(std::span<const std::byte> shared, std::uint32_t generation, std::string& error);

    // Frees retired matchers. Call often.
    void collect() noexcept;

    // Copies what the rules of the newest generation have cost all workers.
    void publish_costs(api::RuleCostArea& area) const noexcept;

  private:
    std::vector<Pipeline*> pipelines_;
    match::BitNames bit_names_;
    std::uint32_t generation_ = 0;                                // newest that was offered
    std::vector<std::shared_ptr<const match::RuleCosts>> costs_;  // of its matchers
};

}  // namespace picket::housekeeping
