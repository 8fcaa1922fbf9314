#include "dataplane/match/matcher.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <new>
#include <optional>
#include <vector>

#include "dataplane/match/judge.h"
#include "dataplane/match/rule_guard.h"
#include "dataplane/match/rule_tables.h"
#include "dataplane/match/text_batch.h"

namespace picket::match {
namespace {

// PERF: a call of hs_scan costs 80 to 200 ns before it looks at a byte; URIs have 20 to 60. Scanning 32 or
// more of them as one buffer brings that to 10 to 30 ns a URI (docs/performance.md). 64 fits a machine word.
constexpr std::size_t chunk_requests = 64;

// Which slots of the current chunk a rule has been judged for.
struct Judged {
    std::uint64_t slots = 0;
    std::uint64_t epoch = 0;
};

constexpr std::uint32_t bit_of(api::RuleBuffer buffer) noexcept {
    return 1u << static_cast<unsigned>(buffer);
}

bool lies_within(std::string_view inner, std::string_view outer) noexcept {
    const std::less_equal<> not_after;
    return not_after(outer.data(), inner.data()) &&
           not_after(inner.data() + inner.size(), outer.data() + outer.size());
}

}  // namespace

struct Matcher::State {
    explicit State(std::shared_ptr<const RuleSet> set)
        : rules(std::move(set)),
          tables(rules->tables()),
          judge(tables),
          bits(tables),
          judged(tables.view.rules.size()) {}
    ~State() { hs_free_scratch(scratch); }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    void match_chunk(std::span<const RequestView> chunk) noexcept;
    void match_payload(const PayloadView& payload) noexcept;
    void scan_uris() noexcept;
    void scan_heads() noexcept;
    void add_head_parts(std::uint32_t slot, std::uint32_t wanted, std::string_view whole) noexcept;
    void add_text(api::FilterGroup group, std::uint32_t slot, std::string_view text) noexcept;
    void flush(api::FilterGroup group) noexcept;
    void scan(api::FilterGroup group, std::string_view text) noexcept;
    void judge_always() noexcept;
    void propose(std::uint32_t element, std::size_t end) noexcept;
    void judge_rule(std::uint32_t rule, std::uint32_t slot) noexcept;
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
    std::array<TextSignature, chunk_requests> signatures;  // of the chunk's URIs, of those in signed_slots
    std::uint64_t signed_slots = 0;
    std::uint64_t epoch = 0;
    std::uint64_t found = 0;   // slots of the chunk that have an element
    std::uint64_t passed = 0;  // slots of the chunk for which a rule was judged
    const api::FilterGroupEntry* group = nullptr;
    std::span<const RequestView> requests;
    std::uint32_t first_index = 0;  // of slot 0 in the caller's span
    std::uint32_t chosen = api::no_index;
    HitSink sink;
    MatcherCounters counters;
};

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
    if (judge.rule_holds(tables.view.rules[rule])) {
        ++counters.hits;
        sink.call(sink.context, first_index + slot, rule);
    }
}

bool Matcher::State::guard_admits(std::uint32_t rule, std::uint32_t slot) noexcept {
    if (requests.empty()) {
        return true;
    }
    const RuleGuard& guard = tables.guards[rule];
    if (!guard.admits_shape(RequestShape(requests[slot])) || !guard.header_start.admits(requests[slot])) {
        return false;
    }
    if ((signed_slots >> slot & 1) == 0) {
        signed_slots |= std::uint64_t{1} << slot;
        signatures[slot] = uri_signature(requests[slot]);
    }
    return guard.admits_signature(signatures[slot]);
}

// PERF: by rule, and the shapes of the requests beforehand, because hardly one of them is admitted: for each
// request anew all of it took 25 ns with four such rules.
void Matcher::State::judge_always() noexcept {
    const auto& lists = tables.view.lists;
    const auto& uri = tables.group(api::FilterGroup::uri);
    const auto& head = tables.group(api::FilterGroup::head);
    if (uri.always_count + head.always_count == 0) {
        return;
    }
    std::array<RequestShape, chunk_requests> shapes;
    for (std::size_t slot = 0; slot < requests.size(); ++slot) {
        shapes[slot] = RequestShape(requests[slot]);
    }
    for (const api::FilterGroupEntry* entry : {&uri, &head}) {
        for (const std::uint32_t rule : lists.subspan(entry->always_first, entry->always_count)) {
            const RuleGuard& guard = tables.guards[rule];
            std::uint64_t admitted = 0;
            for (std::size_t slot = 0; slot < requests.size(); ++slot) {
                admitted |= std::uint64_t{guard.admits_shape(shapes[slot])} << slot;
            }
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
    for (const std::uint32_t rule : tables.view.lists.subspan(entry.list_first, entry.list_count)) {
        Judged& seen = judged[rule];
        if (seen.epoch != epoch) {
            seen = {0, epoch};
        }
        if ((seen.slots & slot_bit) == 0) {
            seen.slots |= slot_bit;
            if (guard_admits(rule, slot)) {
                judge_rule(rule, slot);
            }
        }
    }
}

void Matcher::State::scan(api::FilterGroup which, std::string_view text) noexcept {
    group = &tables.group(which);
    counters.bytes_scanned += text.size();
    const auto on_match = [](unsigned int id, unsigned long long, unsigned long long to, unsigned int,
                             void* context) {
        static_cast<State*>(context)->propose(id, static_cast<std::size_t>(to));
        return 0;
    };
    if (hs_scan(tables.database(which), text.data(), static_cast<unsigned int>(text.size()), 0, scratch,
                on_match, this) != HS_SUCCESS) {
        ++counters.scan_failures;
    }
}

void Matcher::State::flush(api::FilterGroup which) noexcept {
    if (!batch.empty()) {
        scan(which, batch.bytes());
        batch.clear();
    }
}

void Matcher::State::add_text(api::FilterGroup which, std::uint32_t slot, std::string_view text) noexcept {
    if (text.empty()) {
        return;
    }
    if (batch.fits(text.size())) {
        batch.add(slot, text);
        return;
    }
    flush(which);
    if (TextBatch::ever_fits(text.size())) {
        batch.add(slot, text);
    } else {
        lone_slot = slot;
        scan(which, text);
        lone_slot = api::no_index;
    }
}

void Matcher::State::scan_uris() noexcept {
    if (tables.database(api::FilterGroup::uri) == nullptr) {
        return;
    }
    for (std::uint32_t slot = 0; slot < requests.size(); ++slot) {
        const RequestView& request = requests[slot];
        add_text(api::FilterGroup::uri, slot, request.normalized_uri);
        if (request.raw_uri.data() != request.normalized_uri.data() &&
            request.raw_uri != request.normalized_uri) {
            add_text(api::FilterGroup::uri, slot, request.raw_uri);
        }
    }
    flush(api::FilterGroup::uri);
}

// Wanted buffers that are not a part of what is scanned as a whole.
void Matcher::State::add_head_parts(std::uint32_t slot, std::uint32_t wanted,
                                    std::string_view whole) noexcept {
    using api::RuleBuffer;
    const RequestView& request = requests[slot];
    const auto add = [&](RuleBuffer which, std::string_view text) {
        if ((wanted & bit_of(which)) != 0 && text.data() != nullptr && !lies_within(text, whole)) {
            add_text(api::FilterGroup::head, slot, text);
        }
    };
    add(RuleBuffer::raw_header, request.headers);
    add(RuleBuffer::host, request.host);
    add(RuleBuffer::user_agent, request.user_agent);
    add(RuleBuffer::referer, request.referer);
    add(RuleBuffer::cookie, request.cookie);
    const bool header_differs = !request.plain_headers || !lies_within(request.headers, whole);
    if ((wanted & bit_of(RuleBuffer::header)) != 0 && header_differs) {
        // The judge keeps one request's headers at a time, and judging what waits in the batch would replace
        // them; normalising can double their size.
        if (!batch.fits(2 * request.headers.size())) {
            flush(api::FilterGroup::head);
        }
        choose(slot);
        add_text(api::FilterGroup::head, slot, judge.buffer(RuleBuffer::header));
    }
}

// PERF: building each wanted text took 700 ns a request. All of them but the normalised headers are parts of
// the head as it is on the wire, and with plain headers these are as well; elements are chosen so that they
// are found there. Where only values are wanted, the rest of the head is not looked at.
void Matcher::State::scan_heads() noexcept {
    if (tables.database(api::FilterGroup::head) == nullptr) {
        return;
    }
    using api::RuleBuffer;
    const std::uint32_t wanted = tables.group(api::FilterGroup::head).buffers;
    const bool wants_request = (wanted & bit_of(RuleBuffer::request)) != 0;
    const bool wants_head = (wanted & (bit_of(RuleBuffer::header) | bit_of(RuleBuffer::raw_header))) != 0;
    for (std::uint32_t slot = 0; slot < requests.size(); ++slot) {
        const std::string_view whole = wants_request ? requests[slot].request
                                       : wants_head  ? requests[slot].headers
                                                     : std::string_view();
        add_text(api::FilterGroup::head, slot, whole);
        add_head_parts(slot, wanted, whole);
    }
    flush(api::FilterGroup::head);
}

void Matcher::State::match_chunk(std::span<const RequestView> chunk) noexcept {
    requests = chunk;
    chosen = api::no_index;
    found = 0;
    passed = 0;
    ++epoch;
    signed_slots = 0;
    scan_uris();
    scan_heads();
    judge_always();
    counters.requests += requests.size();
    counters.requests_found += static_cast<std::uint64_t>(std::popcount(found));
    counters.requests_passed += static_cast<std::uint64_t>(std::popcount(passed));
}

void Matcher::State::match_payload(const PayloadView& payload) noexcept {
    requests = {};
    judge.set_payload(payload);
    ++epoch;
    ++counters.payloads;
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

}  // namespace picket::match
