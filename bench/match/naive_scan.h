// Matching as one does it without batches and filters: what Matcher is measured against.
//
// One database of all the rules' URI elements (every content, every pcre that the engine takes), one of all
// their head elements; each URI is scanned by a call of its own, each head too; a rule whose elements were
// all seen is judged by the same judge. Single thread.
#pragma once

#include <hs/hs.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "controlplane/rules/rule.h"
#include "dataplane/match/judge.h"
#include "dataplane/match/rule_tables.h"

namespace picket::bench {

class NaiveScan {
  public:
    // rules: those that set was compiled from, in the same order. Throws std::runtime_error.
    NaiveScan(const std::vector<rules::Rule>& rules, const match::RuleSet& set);
    ~NaiveScan();
    NaiveScan(const NaiveScan&) = delete;
    NaiveScan& operator=(const NaiveScan&) = delete;

    // Calls sink for every rule that holds.
    void match(const match::RequestView& request, std::uint32_t index, match::HitSink sink) noexcept;

    [[nodiscard]] std::size_t element_count() const { return uri_.lists.size() + head_.lists.size(); }
    [[nodiscard]] std::uint64_t judged() const { return judged_; }

  private:
    struct Elements {
        match::HyperscanDatabase database;
        std::vector<std::vector<std::uint32_t>> lists;  // rules that have the element
        std::vector<std::uint64_t> seen;                // request in which it was seen last
    };
    struct Progress {
        std::uint64_t request = 0;
        std::uint32_t elements = 0;
    };

    void collect(const std::vector<rules::Rule>& rules, bool heads, Elements& elements);
    void scan(Elements& elements, std::string_view text) noexcept;
    void see(Elements& elements, std::uint32_t element) noexcept;

    const match::RuleSet::Tables& tables_;
    Elements uri_;
    Elements head_;
    std::vector<std::uint32_t> needed_;  // elements a rule
    std::vector<std::uint32_t> always_;
    std::vector<Progress> progress_;
    std::vector<std::uint32_t> candidates_;
    std::size_t candidate_count_ = 0;
    bool raw_uri_wanted_ = false;  // some rule looks at it
    std::uint64_t request_ = 0;
    std::uint64_t judged_ = 0;
    Elements* scanning_ = nullptr;
    match::Judge judge_;
    hs_scratch_t* scratch_ = nullptr;
};

}  // namespace picket::bench
