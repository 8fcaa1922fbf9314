// One rule set, as picketd compiles it and the data plane loads it, held against the reference.
#pragma once

#include <cstddef>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "controlplane/rules/rule_compiler.h"
#include "dataplane/match/matcher.h"
#include "tests/reference/reference_matcher.h"
#include "tests/reference/traffic.h"

namespace picket::reference {

struct Tally {
    std::size_t pairs = 0;  // of a message and a rule about that kind of message
    std::size_t hits = 0;
    std::size_t messages = 0;           // requests, responses and payloads
    std::size_t engine_gave_up = 0;     // pairs in which the engine reached its bounds, and counted that
    std::size_t reference_gave_up = 0;  // pairs that are not compared
    std::size_t differences = 0;
};

class Comparison {
  public:
    // The rules must outlive it. Throws if they do not compile.
    Comparison(const std::vector<rules::Rule>& rules, api::Dialect dialect);

    // Compares every pair, in batches of every size; prints differences to standard error.
    void run(const Traffic& traffic, Tally& tally);
    // Rules that held for some message, by index.
    [[nodiscard]] const std::set<std::uint32_t>& rules_hit() const { return rules_hit_; }

  private:
    using Pair = std::pair<std::uint32_t, std::uint32_t>;  // message, rule
    using Pairs = std::vector<Pair>;                       // sorted
    struct Expected {
        Pairs hits;
        Pairs unknown;
    };

    Expected judge_all(api::RuleKind kind, const std::deque<Message>& messages, Tally& tally);
    template <class View>
    Pairs match_all(const std::vector<View>& views, std::size_t batch);
    template <class View>
    void compare(const std::vector<View>& views, const Expected& expected, Tally& tally);
    template <class View>
    void explain(const std::vector<View>& views, const Pair& pair, bool by_engine, std::size_t batch,
                 const Expected& expected, Tally& tally);

    const std::vector<rules::Rule>& rules_;
    std::vector<ReferenceRule> reference_;
    std::shared_ptr<const match::RuleSet> set_;
    std::unique_ptr<match::Matcher> matcher_;
    std::set<std::uint32_t> rules_hit_;
    std::set<Pair> counted_;  // pairs that the engine gave up, of the traffic at hand
};

}  // namespace picket::reference
