#include "dataplane/match/matcher.h"

#include <algorithm>
#include <bit>
#include <new>
#include <optional>

#include "dataplane/match/matcher_state.h"
#include "dataplane/match/touched_memory.h"

namespace picket::match {

void Matcher::State::choose(std::uint32_t slot) noexcept {
    if (chosen != slot) {
        chosen = slot;
        judge.set_request(requests[slot]);
    }
}

void Matcher::State::judge_rule(std::uint32_t rule, std::uint32_t slot) noexcept {
    if (!requests.empty()) {
        choose(slot);
    }
    passed |= std::uint64_t{1} << slot;
    ++counters.candidates;
    RuleCosts::Judgement judgement(*costs, rule, judge.limits_exceeded());
    const bool holds = judge.rule_holds(tables.view.rules[rule]);
    judgement.end(holds, judge.limits_exceeded());
    if (holds) {
        ++counters.hits;
        sink.call(sink.context, first_index + slot, rule);
    }
}

const RequestShapes& Matcher::State::shapes_of_chunk() noexcept {
    if (!shaped) {
        shapes.set(requests);
        shaped = true;
    }
    return shapes;
}

bool Matcher::State::guard_admits(std::uint32_t rule, std::uint32_t slot) noexcept {
    if (requests.empty()) {
        return true;
    }
    const RuleGuard& guard = tables.guards.of_rules[rule];
    const std::uint64_t slot_bit = std::uint64_t{1} << slot;
    if (!shapes_of_chunk().admits(guard, slot) || !guard.header_start.admits(requests[slot])) {
        return false;
    }
    if ((signed_slots & slot_bit) == 0) {
        signed_slots |= slot_bit;
        signatures[slot] = uri_signature(requests[slot], tables.guards.raw_uri);
    }
    return guard.admits_signature(signatures[slot]);
}

// PERF: by rule, and by the shapes of all requests at once, because hardly one of them is admitted.
void Matcher::State::judge_always() noexcept {
    const auto& lists = tables.view.lists;
    std::array<const api::FilterGroupEntry*, 4> groups{};
    std::size_t count = 0;
    std::size_t rules_listed = 0;
    const auto add = [&](api::FilterGroup which) {
        groups[count++] = &tables.group(which);
        rules_listed += groups[count - 1]->always_count;
    };
    add(api::FilterGroup::uri);
    add(api::FilterGroup::head);
    if ((phases & api::rule_at_body) != 0) {
        add(api::FilterGroup::body);
    }
    if ((phases & api::rule_at_response) != 0) {
        add(api::FilterGroup::response);
    }
    if (rules_listed == 0) {
        return;
    }
    for (const api::FilterGroupEntry* entry : std::span(groups).first(count)) {
        for (const std::uint32_t rule : lists.subspan(entry->always_first, entry->always_count)) {
            std::uint64_t admitted = shapes_of_chunk().admitted(tables.guards.of_rules[rule]);
            for (; admitted != 0; admitted &= admitted - 1) {
                const auto slot = static_cast<std::uint32_t>(std::countr_zero(admitted));
                if (guard_admits(rule, slot)) {
                    judge_rule(rule, slot);
                }
            }
        }
    }
}

// The filter found element in the text that ends at or after `end`.
void Matcher::State::propose(std::uint32_t element, std::size_t end) noexcept {
    const std::optional<std::uint32_t> place = lone_slot != api::no_index ? lone_slot : batch.slot_at(end);
    if (element >= group->element_count || !place) {
        return;
    }
    const std::uint32_t slot = *place;
    const std::uint64_t slot_bit = std::uint64_t{1} << slot;
    found |= slot_bit;
    const api::FilterElement& entry = tables.view.elements[group->element_first + element];
    // PERF: what stays the same is not read anew for each rule.
    Judged* const judged_rules = judged.data();
    RuleCosts& rule_costs = *costs;
    const std::uint64_t chunk = epoch;
    for (const std::uint32_t rule : tables.view.lists.subspan(entry.list_first, entry.list_count)) {
        Judged& seen = judged_rules[rule];
        if (seen.epoch != chunk) {
            seen = {0, chunk};
        }
        if ((seen.slots & slot_bit) == 0) {
            seen.slots |= slot_bit;
            rule_costs.count_found(rule);
            if (guard_admits(rule, slot)) {
                judge_rule(rule, slot);
            }
        }
    }
}

void Matcher::State::count_scanned() noexcept {
    const auto views_of = [this](unsigned phase) {
        // PERF: nearly all chunks are of heads only.
        if ((phases & api::rule_phases) == phase) return static_cast<std::uint64_t>(requests.size());
        return static_cast<std::uint64_t>(std::ranges::count_if(
            requests, [phase](const RequestView& request) { return (request.phases & phase) != 0; }));
    };
    const std::uint64_t heads = views_of(api::rule_at_head);
    costs->count_scanned(api::FilterGroup::uri, heads);
    costs->count_scanned(api::FilterGroup::head, heads);
    if ((phases & api::rule_at_body) != 0) {
        costs->count_scanned(api::FilterGroup::body, views_of(api::rule_at_body));
    }
    if ((phases & api::rule_at_response) != 0) {
        costs->count_scanned(api::FilterGroup::response, views_of(api::rule_at_response));
    }
}

void Matcher::State::match_chunk(std::span<const RequestView> chunk) noexcept {
    requests = chunk;
    chosen = api::no_index;
    found = 0;
    passed = 0;
    ++epoch;
    shaped = false;
    signed_slots = 0;
    phases = 0;
    for (const RequestView& request : chunk) {
        phases |= request.phases;
    }
    scan_uris();
    scan_heads();
    if ((phases & api::rule_at_body) != 0) {
        scan_bodies();
    }
    if ((phases & api::rule_at_response) != 0) {
        scan_responses();
    }
    judge_always();
    counters.requests += requests.size();
    count_scanned();
    counters.requests_found += static_cast<std::uint64_t>(std::popcount(found));
    counters.requests_passed += static_cast<std::uint64_t>(std::popcount(passed));
}

void Matcher::State::match_payload(const PayloadView& payload) noexcept {
    requests = {};
    judge.set_payload(payload);
    ++epoch;
    ++counters.payloads;
    costs->count_scanned(api::FilterGroup::payload, 1);
    if (tables.database(api::FilterGroup::payload) != nullptr && !payload.payload.empty()) {
        lone_slot = 0;
        scan(api::FilterGroup::payload,
             {reinterpret_cast<const char*>(payload.payload.data()), payload.payload.size()});
        lone_slot = api::no_index;
    }
    const api::FilterGroupEntry& entry = tables.group(api::FilterGroup::payload);
    for (const std::uint32_t rule : tables.view.lists.subspan(entry.always_first, entry.always_count)) {
        judge_rule(rule, 0);
    }
}

Matcher::Matcher(std::unique_ptr<State> state) : state_(std::move(state)) {}
Matcher::~Matcher() = default;

std::unique_ptr<Matcher> Matcher::create(std::shared_ptr<const RuleSet> rules, std::string& error) {
    touch_scratch_hereafter();
    try {
        auto state = std::make_unique<State>(std::move(rules));
        for (const HyperscanDatabase& database : state->tables.databases) {
            if (database && hs_alloc_scratch(database.get(), &state->scratch) != HS_SUCCESS) {
                error = "Hyperscan cannot allocate scratch memory for the rule set";
                return nullptr;
            }
        }
        return std::unique_ptr<Matcher>(new Matcher(std::move(state)));
    } catch (const std::bad_alloc&) {
        error = "memory does not suffice for a matcher of the rule set";
        return nullptr;
    }
}

void Matcher::match_requests(std::span<const RequestView> requests, HitSink sink) noexcept {
    state_->sink = sink;
    for (std::size_t first = 0; first < requests.size(); first += chunk_requests) {
        state_->first_index = static_cast<std::uint32_t>(first);
        state_->match_chunk(requests.subspan(first, std::min(chunk_requests, requests.size() - first)));
    }
    state_->counters.limits_exceeded = state_->judge.limits_exceeded();
}

void Matcher::match_payloads(std::span<const PayloadView> payloads, HitSink sink) noexcept {
    state_->sink = sink;
    for (std::size_t index = 0; index < payloads.size(); ++index) {
        if (state_->rules->wants_payload(payloads[index].ends)) {
            state_->first_index = static_cast<std::uint32_t>(index);
            state_->match_payload(payloads[index]);
        }
    }
    state_->counters.limits_exceeded = state_->judge.limits_exceeded();
}

BitJudge& Matcher::bits() noexcept {
    return state_->bits;
}
const RuleSet& Matcher::rules() const noexcept {
    return *state_->rules;
}
const MatcherCounters& Matcher::counters() const noexcept {
    return state_->counters;
}
std::shared_ptr<const RuleCosts> Matcher::costs() const noexcept {
    return state_->costs;
}

}  // namespace picket::match
