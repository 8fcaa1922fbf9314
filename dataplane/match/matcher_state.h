// The inside of a Matcher: one worker's, see matcher.h.
//
//   matcher.cpp       what is judged, and the calls from outside
//   matcher_scan.cpp  which texts the filter looks at
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "dataplane/match/bit_judge.h"
#include "dataplane/match/judge.h"
#include "dataplane/match/matcher.h"
#include "dataplane/match/request_shapes.h"
#include "dataplane/match/rule_guard.h"
#include "dataplane/match/rule_tables.h"
#include "dataplane/match/text_batch.h"

namespace picket::match {

// PERF: a call of hs_scan costs 80 to 200 ns before it looks at a byte; URIs have 20 to 60. Scanning 32 or
// more of them as one buffer brings that to 10 to 30 ns a URI (docs/performance.md). 64 fits a machine word.
inline constexpr std::size_t chunk_requests = RequestShapes::slots_max;

// Which slots of the current chunk a rule has been judged for.
struct Judged {
    std::uint64_t slots = 0;
    std::uint64_t epoch = 0;
};

struct Matcher::State {
    explicit State(std::shared_ptr<const RuleSet> set)
        : rules(std::move(set)),
          tables(rules->tables()),
          judge(tables),
          bits(tables),
          judged(tables.view.rules.size()),
          costs(std::make_shared<RuleCosts>(tables.view.rules.size())) {}
    ~State() { hs_free_scratch(scratch); }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    void count_scanned() noexcept;
    void match_chunk(std::span<const RequestView> chunk) noexcept;
    void match_payload(const PayloadView& payload) noexcept;
    void scan_uris() noexcept;
    void scan_heads() noexcept;
    void scan_bodies() noexcept;
    void scan_responses() noexcept;
    void add_headers_as_seen(api::FilterGroup group, std::uint32_t slot) noexcept;
    [[nodiscard]] bool wants(api::FilterGroup group, api::RuleBuffer buffer) const noexcept;
    void add_head_parts(std::uint32_t slot, std::uint32_t wanted, std::string_view whole) noexcept;
    void add_text(api::FilterGroup group, std::uint32_t slot, std::string_view text) noexcept;
    void flush(api::FilterGroup group) noexcept;
    void scan(api::FilterGroup group, std::string_view text) noexcept;
    void judge_always() noexcept;
    void propose(std::uint32_t element, std::size_t end) noexcept;
    void judge_rule(std::uint32_t rule, std::uint32_t slot) noexcept;
    [[nodiscard]] const RequestShapes& shapes_of_chunk() noexcept;
    [[nodiscard]] bool guard_admits(std::uint32_t rule, std::uint32_t slot) noexcept;
    void choose(std::uint32_t slot) noexcept;

    std::shared_ptr<const RuleSet> rules;
    const RuleSet::Tables& tables;
    hs_scratch_t* scratch = nullptr;
    Judge judge;
    BitJudge bits;
    TextBatch batch;
    std::uint32_t lone_slot = api::no_index;  // of a text that is scanned without the batch
    std::vector<Judged> judged;
    std::shared_ptr<RuleCosts> costs;
    RequestShapes shapes;  // of the chunk's requests, if shaped
    bool shaped = false;
    std::array<TextSignature, chunk_requests> signatures;  // of the chunk's URIs, of those in signed_slots
    std::uint64_t signed_slots = 0;
    std::uint64_t epoch = 0;
    std::uint64_t found = 0;   // slots of the chunk that have an element
    std::uint64_t passed = 0;  // slots of the chunk for which a rule was judged
    unsigned phases = 0;       // of the chunk's requests together
    const api::FilterGroupEntry* group = nullptr;
    std::span<const RequestView> requests;
    std::uint32_t first_index = 0;  // of slot 0 in the caller's span
    std::uint32_t chosen = api::no_index;
    HitSink sink;
    MatcherCounters counters;
};

}  // namespace picket::match
