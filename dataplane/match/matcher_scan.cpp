// Which texts the filter looks at, and how they come to be one buffer.
#include <functional>

#include "dataplane/match/matcher_state.h"

namespace picket::match {
namespace {

constexpr std::uint32_t bit_of(api::RuleBuffer buffer) noexcept {
    return 1u << static_cast<unsigned>(buffer);
}

bool lies_within(std::string_view inner, std::string_view outer) noexcept {
    const std::less_equal<> not_after;
    return not_after(outer.data(), inner.data()) &&
           not_after(inner.data() + inner.size(), outer.data() + outer.size());
}

}  // namespace

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
    // PERF: hardly a rule is found by its raw URI, and the URIs of those who hide differ from it.
    const bool wants_raw = wants(api::FilterGroup::uri, api::RuleBuffer::raw_uri);
    for (std::uint32_t slot = 0; slot < requests.size(); ++slot) {
        const RequestView& request = requests[slot];
        add_text(api::FilterGroup::uri, slot, request.normalized_uri);
        if (wants_raw && request.raw_uri.data() != request.normalized_uri.data() &&
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
    if (wants(api::FilterGroup::head, RuleBuffer::header) && header_differs) {
        add_headers_as_seen(api::FilterGroup::head, slot);
    }
}

bool Matcher::State::wants(api::FilterGroup which, api::RuleBuffer buffer) const noexcept {
    return (tables.group(which).buffers & bit_of(buffer)) != 0;
}

void Matcher::State::add_headers_as_seen(api::FilterGroup which, std::uint32_t slot) noexcept {
    // The judge keeps one request's headers at a time, and judging what waits in the batch would replace
    // them; normalising can double their size.
    if (!batch.fits(2 * requests[slot].headers.size())) {
        flush(which);
    }
    choose(slot);
    add_text(which, slot, judge.buffer(api::RuleBuffer::header));
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
        if ((requests[slot].phases & api::rule_at_response) != 0) {
            continue;
        }
        const std::string_view whole = wants_request ? requests[slot].request
                                       : wants_head  ? requests[slot].headers
                                                     : std::string_view();
        add_text(api::FilterGroup::head, slot, whole);
        add_head_parts(slot, wanted, whole);
    }
    flush(api::FilterGroup::head);
}

void Matcher::State::scan_bodies() noexcept {
    if (tables.database(api::FilterGroup::body) == nullptr) {
        return;
    }
    for (std::uint32_t slot = 0; slot < requests.size(); ++slot) {
        const RequestView& request = requests[slot];
        if ((request.phases & api::rule_at_body) == 0) {
            continue;
        }
        add_text(api::FilterGroup::body, slot, request.body);
        if (request.raw_body.data() != request.body.data() &&
            wants(api::FilterGroup::body, api::RuleBuffer::raw_body)) {
            add_text(api::FilterGroup::body, slot, request.raw_body);
        }
    }
    flush(api::FilterGroup::body);
}

void Matcher::State::scan_responses() noexcept {
    if (tables.database(api::FilterGroup::response) == nullptr) {
        return;
    }
    for (std::uint32_t slot = 0; slot < requests.size(); ++slot) {
        if ((requests[slot].phases & api::rule_at_response) == 0) {
            continue;
        }
        add_text(api::FilterGroup::response, slot, requests[slot].request);
        if (wants(api::FilterGroup::response, api::RuleBuffer::header)) {
            add_headers_as_seen(api::FilterGroup::response, slot);
        }
    }
    flush(api::FilterGroup::response);
}

}  // namespace picket::match
