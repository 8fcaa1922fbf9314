#include "dataplane/match/matcher.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <vector>

#include "dataplane/match/judge.h"
#include "dataplane/match/rule_tables.h"

namespace picket::match {
namespace {

// PERF: a call of hs_scan costs 80 to 200 ns before it looks at a byte; URIs have 20 to 60. Scanning 32 or
// more of them as one buffer brings that to 30 to 60 ns a URI (design §5). 64 fits a machine word.
constexpr std::size_t chunk_requests = 64;
constexpr std::size_t batch_bytes = 256 * 1024;
constexpr std::size_t segments_max = 256;

// Whose text ends where in the batch. Texts are followed by '\n', so that line anchors hold at both ends.
struct Segment {
    std::size_t end = 0;
    std::uint32_t slot = 0;
};

// Which slots of the current chunk a rule has been judged for.
struct Judged {
    std::uint64_t slots = 0;
    std::uint64_t epoch = 0;
};

}  // namespace

struct Matcher::State {
    explicit State(std::shared_ptr<const RuleSet> set)
        : rules(std::move(set)),
          tables(rules->tables()),
          judge(tables),
          batch(batch_bytes),
          segments(segments_max),
          judged(tables.view.rules.size()) {}
    ~State() { hs_free_scratch(scratch); }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    void match_chunk(std::span<const RequestView> chunk) noexcept;
    void match_payload(const PayloadView& payload) noexcept;
    void scan_uris() noexcept;
    void scan_heads() noexcept;
    void add_text(api::FilterGroup group, std::uint32_t slot, std::string_view text) noexcept;
    [[nodiscard]] bool fits(std::size_t text_size) const noexcept;
    void flush(api::FilterGroup group) noexcept;
    void scan(api::FilterGroup group, const char* text, std::size_t length) noexcept;
    void judge_always(api::FilterGroup group, std::uint32_t slot) noexcept;
    void propose(std::uint32_t element, std::size_t end) noexcept;
    void judge_rule(std::uint32_t rule, std::uint32_t slot) noexcept;
    void choose(std::uint32_t slot) noexcept;

    std::shared_ptr<const RuleSet> rules;
    const RuleSet::Tables& tables;
    hs_scratch_t* scratch = nullptr;
    Judge judge;
    std::vector<char> batch;
    std::vector<Segment> segments;
    std::size_t used = 0;
    std::size_t segment_count = 0;
    std::vector<Judged> judged;
    std::uint64_t epoch = 0;
    std::uint64_t passed = 0;  // slots of the chunk that had a candidate
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
    ++counters.candidates;
    if (judge.rule_holds(tables.view.rules[rule])) {
        ++counters.hits;
        sink.call(sink.context, first_index + slot, rule);
    }
}

void Matcher::State::judge_always(api::FilterGroup which, std::uint32_t slot) noexcept {
    const api::FilterGroupEntry& entry = tables.group(which);
    for (const std::uint32_t rule : tables.view.lists.subspan(entry.always_first, entry.always_count)) {
        judge_rule(rule, slot);
    }
}

// The filter found element in the text that ends at or after `end`.
void Matcher::State::propose(std::uint32_t element, std::size_t end) noexcept {
    if (element >= group->element_count) {
        return;
    }
    const auto last = segments.begin() + static_cast<std::ptrdiff_t>(segment_count);
    const auto segment = std::lower_bound(segments.begin(), last, end,
                                          [](const Segment& a, std::size_t at) { return a.end < at; });
    if (segment == last) {
        return;
    }
    const std::uint32_t slot = segment->slot;
    passed |= std::uint64_t{1} << slot;
    if (!requests.empty()) {
        choose(slot);
    }
    const api::FilterElement& entry = tables.view.elements[group->element_first + element];
    for (const std::uint32_t rule : tables.view.lists.subspan(entry.list_first, entry.list_count)) {
        Judged& seen = judged[rule];
        if (seen.epoch != epoch) {
            seen = {0, epoch};
        }
        if ((seen.slots >> slot & 1) == 0) {
            seen.slots |= std::uint64_t{1} << slot;
            judge_rule(rule, slot);
        }
    }
}

void Matcher::State::scan(api::FilterGroup which, const char* text, std::size_t length) noexcept {
    group = &tables.group(which);
    const auto on_match = [](unsigned int id, unsigned long long, unsigned long long to, unsigned int,
                             void* context) {
        static_cast<State*>(context)->propose(id, static_cast<std::size_t>(to));
        return 0;
    };
    if (hs_scan(tables.database(which), text, static_cast<unsigned int>(length), 0, scratch, on_match,
                this) != HS_SUCCESS) {
        ++counters.scan_failures;
    }
}

bool Matcher::State::fits(std::size_t text_size) const noexcept {
    return text_size + 1 <= batch.size() - used && segment_count < segments.size();
}

void Matcher::State::flush(api::FilterGroup which) noexcept {
    if (segment_count > 0) {
        scan(which, batch.data(), used);
    }
    used = 0;
    segment_count = 0;
}

void Matcher::State::add_text(api::FilterGroup which, std::uint32_t slot, std::string_view text) noexcept {
    if (text.empty()) {
        return;
    }
    if (!fits(text.size())) {
        flush(which);
    }
    if (text.size() + 1 > batch.size()) {
        segments[segment_count++] = {text.size(), slot};
        scan(which, text.data(), text.size());
        segment_count = 0;
        return;
    }
    std::memcpy(batch.data() + used, text.data(), text.size());
    used += text.size();
    segments[segment_count++] = {used, slot};
    batch[used++] = '\n';
}

void Matcher::State::scan_uris() noexcept {
    if (tables.database(api::FilterGroup::uri) != nullptr) {
        for (std::uint32_t slot = 0; slot < requests.size(); ++slot) {
            const RequestView& request = requests[slot];
            add_text(api::FilterGroup::uri, slot, request.normalized_uri);
            if (request.raw_uri != request.normalized_uri) {
                add_text(api::FilterGroup::uri, slot, request.raw_uri);
            }
        }
        flush(api::FilterGroup::uri);
    }
}

void Matcher::State::scan_heads() noexcept {
    if (tables.database(api::FilterGroup::head) == nullptr) {
        return;
    }
    const std::uint32_t wanted = tables.group(api::FilterGroup::head).buffers;
    for (std::uint32_t slot = 0; slot < requests.size(); ++slot) {
        for (std::uint32_t which = 0; which < api::rule_buffer_count; ++which) {
            if ((wanted >> which & 1) == 0) {
                continue;
            }
            choose(slot);
            std::string_view text = judge.buffer(static_cast<api::RuleBuffer>(which));
            if (!fits(text.size())) {
                // The scan's candidates make the judge build other requests' texts in the same memory.
                flush(api::FilterGroup::head);
                choose(slot);
                text = judge.buffer(static_cast<api::RuleBuffer>(which));
            }
            add_text(api::FilterGroup::head, slot, text);
        }
    }
    flush(api::FilterGroup::head);
}

void Matcher::State::match_chunk(std::span<const RequestView> chunk) noexcept {
    requests = chunk;
    chosen = api::no_index;
    passed = 0;
    ++epoch;
    scan_uris();
    scan_heads();
    for (std::uint32_t slot = 0; slot < requests.size(); ++slot) {
        choose(slot);
        judge_always(api::FilterGroup::uri, slot);
        judge_always(api::FilterGroup::head, slot);
    }
    counters.requests += requests.size();
    counters.requests_passed += static_cast<std::uint64_t>(std::popcount(passed));
}

void Matcher::State::match_payload(const PayloadView& payload) noexcept {
    requests = {};
    judge.set_payload(payload);
    ++epoch;
    ++counters.payloads;
    if (tables.database(api::FilterGroup::payload) != nullptr && !payload.payload.empty()) {
        segments[0] = {payload.payload.size(), 0};
        segment_count = 1;
        scan(api::FilterGroup::payload, reinterpret_cast<const char*>(payload.payload.data()),
             payload.payload.size());
        segment_count = 0;
    }
    judge_always(api::FilterGroup::payload, 0);
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

const RuleSet& Matcher::rules() const noexcept {
    return *state_->rules;
}
const MatcherCounters& Matcher::counters() const noexcept {
    return state_->counters;
}

}  // namespace picket::match
