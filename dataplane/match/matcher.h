// Finds which rules match the requests and payloads of a burst.
//
// Ownership: one Matcher a worker and rule set. It is built off the hot path (create() allocates all that
// matching needs: Hyperscan scratch, batch buffer, PCRE2 match data) and handed to the worker, which then
// uses it alone; to adopt another rule set the worker is handed another Matcher. Not thread-safe. The
// matching functions neither allocate nor call the system nor throw.
//
// Exactness: the filter only proposes; a rule hits only if its own program holds (judge.h). A program that
// exceeds its step or PCRE2 limit counts as no hit, and in counters().limits_exceeded. Flowbits are not asked
// here: the caller lets the hits of rules that bits() concerns wait there.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "dataplane/match/bit_judge.h"
#include "dataplane/match/flow_ends.h"
#include "dataplane/match/rule_costs.h"
#include "dataplane/match/rule_set.h"

namespace picket::match {

struct MatcherCounters {
    std::uint64_t requests = 0;         // requests matched
    std::uint64_t requests_found = 0;   // of them, with at least one element of the filter in their texts
    std::uint64_t requests_passed = 0;  // of those, with at least one rule that its guard let be judged
    std::uint64_t payloads = 0;         // payloads scanned
    std::uint64_t candidates = 0;       // (request or payload, rule) pairs judged
    std::uint64_t bytes_scanned = 0;    // by the engine, separators of the batches included
    std::uint64_t hits = 0;
    std::uint64_t limits_exceeded = 0;  // judgements given up at their step or PCRE2 limit
    std::uint64_t scan_failures = 0;    // calls of Hyperscan that failed (a bug or damaged memory)
};

class Matcher {
  public:
    // nullptr and a sentence in error if memory does not suffice.
    static std::unique_ptr<Matcher> create(std::shared_ptr<const RuleSet> rules, std::string& error);
    ~Matcher();
    Matcher(const Matcher&) = delete;
    Matcher& operator=(const Matcher&) = delete;

    // Calls sink once for every pair of request and rule that matches. Any number of requests.
    void match_requests(std::span<const RequestView> requests, HitSink sink) noexcept;

    // Likewise for packets. Those that RuleSet::wants_payload() denies cost only that test.
    void match_payloads(std::span<const PayloadView> payloads, HitSink sink) noexcept;

    [[nodiscard]] BitJudge& bits() noexcept;
    [[nodiscard]] const RuleSet& rules() const noexcept;
    [[nodiscard]] const MatcherCounters& counters() const noexcept;
    // Of each rule; may be kept when the matcher is gone, and read by any thread.
    [[nodiscard]] std::shared_ptr<const RuleCosts> costs() const noexcept;

  private:
    struct State;
    explicit Matcher(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace picket::match
