#include "dataplane/match/judge.h"

#include <algorithm>
#include <new>

#include "dataplane/api/rule_limits.h"
#include "dataplane/match/find_text.h"
#include "dataplane/match/head_text.h"
#include "dataplane/match/message_parts.h"
#include "dataplane/match/touched_memory.h"

namespace picket::match {
namespace {

constexpr std::size_t host_text_max = 4096;
constexpr std::size_t step_cost_bytes = 64;  // what a step costs beside the bytes that it looks at
// A chain of contents without backtracking looks at its text once an option: such chains never run out.
constexpr std::size_t budget_base_bytes = 256 * 1024;
constexpr std::size_t budget_texts = 256;

// Start of the first occurrence of needle that lies within [from, to) of text, or npos.
std::size_t find_within(std::string_view text, std::size_t from, std::size_t to, std::string_view needle,
                        bool nocase) noexcept {
    if (to > text.size()) {
        to = text.size();
    }
    if (from > to || to - from < needle.size()) {
        return std::string_view::npos;
    }
    const std::string_view range = text.substr(from, to - from);
    const std::size_t found = nocase ? find_caseless(range, needle) : find_bytes(range, needle);
    return found == std::string_view::npos ? found : from + found;
}

bool flags_hold(const api::RuleOption& option, std::uint8_t flags) noexcept {
    const std::int32_t wanted = option.from & 0xff;
    const std::int32_t seen = flags & ~(option.from >> 8);
    switch (static_cast<api::FlagTest>(option.to)) {
        case api::FlagTest::exactly:
            return seen == wanted;
        case api::FlagTest::all:
            return (seen & wanted) == wanted;
        case api::FlagTest::any:
            return (seen & wanted) != 0;
    }
    return false;
}

}  // namespace

Judge::Judge(const RuleSet::Tables& tables)
    : tables_(tables),
      header_text_(head_text_max),
      host_text_(host_text_max),
      names_text_(head_text_max),
      part_text_(head_bytes_max),
      match_data_(pcre2_match_data_create(1, nullptr)),
      match_context_(pcre2_match_context_create(nullptr)),
      jit_stack_(pcre2_jit_stack_create(api::pcre_stack_bytes, api::pcre_stack_bytes_max, nullptr)) {
    if (match_data_ == nullptr || match_context_ == nullptr || jit_stack_ == nullptr) {
        pcre2_match_data_free(match_data_);
        pcre2_match_context_free(match_context_);
        pcre2_jit_stack_free(jit_stack_);
        throw std::bad_alloc();
    }
    pcre2_set_match_limit(match_context_, api::pcre_match_limit);
    pcre2_set_depth_limit(match_context_, api::pcre_depth_limit);
    pcre2_jit_stack_assign(match_context_, nullptr, jit_stack_);
    touch_jit_stack(match_context_);
}

Judge::~Judge() {
    pcre2_match_data_free(match_data_);
    pcre2_match_context_free(match_context_);
    pcre2_jit_stack_free(jit_stack_);
}

void Judge::set_request(const RequestView& request) noexcept {
    request_ = &request;
    payload_ = nullptr;
    header_ready_ = false;
    host_ready_ = false;
    names_ready_ = false;
}

void Judge::set_payload(const PayloadView& payload) noexcept {
    payload_ = &payload;
    request_ = nullptr;
}

std::string_view Judge::buffer(api::RuleBuffer which) noexcept {
    switch (which) {
        case api::RuleBuffer::payload:
            if (payload_->payload.empty()) {
                return "";  // present, of length 0
            }
            return {reinterpret_cast<const char*>(payload_->payload.data()), payload_->payload.size()};
        case api::RuleBuffer::request:
            return request_->request;
        case api::RuleBuffer::method:
            return request_->method;
        case api::RuleBuffer::uri:
            return request_->normalized_uri;
        case api::RuleBuffer::raw_uri:
            return request_->raw_uri;
        case api::RuleBuffer::header:
            return headers_as_seen();
        case api::RuleBuffer::raw_header:
            return request_->headers;
        case api::RuleBuffer::cookie:
            return is_response() ? joined_values(request_->headers, "set-cookie", part_text_)
                                 : request_->cookie;
        case api::RuleBuffer::host:
            if (!host_ready_) {
                host_ = normalize_host(request_->host, host_text_);
                host_ready_ = true;
            }
            return host_;
        case api::RuleBuffer::user_agent:
            return request_->user_agent;
        case api::RuleBuffer::referer:
            return request_->referer;
        case api::RuleBuffer::header_names:
            if (!names_ready_) {
                const std::size_t length = header_names(request_->headers, names_text_);
                names_ = length > 0 ? std::string_view(names_text_.data(), length) : std::string_view();
                names_ready_ = true;
            }
            return names_;
        case api::RuleBuffer::body:
            return request_->body;
        case api::RuleBuffer::raw_body:
            return request_->raw_body;
        case api::RuleBuffer::raw_host:
            return request_->host;
        case api::RuleBuffer::line:
            return message_line(request_->request);
        case api::RuleBuffer::start:
            return message_start(request_->request, request_->headers);
        case api::RuleBuffer::protocol:
            return line_protocol(message_line(request_->request));
        case api::RuleBuffer::stat_code:
            return is_response() ? status_code(message_line(request_->request)) : std::string_view();
        case api::RuleBuffer::stat_msg:
            return is_response() ? status_message(message_line(request_->request)) : std::string_view();
        case api::RuleBuffer::field:
        case api::RuleBuffer::header_line:
            break;  // need the chain: chain_holds()
    }
    return {};
}

bool Judge::is_response() const noexcept {
    return (request_->phases & api::rule_at_response) != 0;
}

std::string_view Judge::headers_as_seen() noexcept {
    if (!header_ready_) {
        const std::string_view left_out = is_response() ? "set-cookie" : "cookie";
        const std::size_t length = normalize_headers(request_->headers, left_out, header_text_);
        header_ = length > 0 ? std::string_view(header_text_.data(), length) : std::string_view();
        header_ready_ = true;
    }
    return header_;
}

bool Judge::rule_holds(const api::RuleEntry& rule) noexcept {
    const FlowEnds& ends = request_ != nullptr ? request_->ends : payload_->ends;
    if (!ends_match(tables_.view, rule, ends)) {
        return false;
    }
    const auto chains = tables_.view.chains.subspan(rule.chain_first, rule.chain_count);
    return std::ranges::all_of(chains, [this](const api::RuleChain& chain) { return chain_holds(chain); });
}

bool Judge::chain_holds(const api::RuleChain& chain) noexcept {
    options_ = tables_.view.options.subspan(chain.option_first, chain.option_count);
    if (chain.buffer == api::RuleBuffer::header_line) {
        return any_header_holds();
    }
    text_ = chain.buffer == api::RuleBuffer::field
                ? header_value(request_->headers, tables_.view.text(chain.name_offset, chain.name_length))
                : buffer(chain.buffer);
    const bool is_body = chain.buffer == api::RuleBuffer::body || chain.buffer == api::RuleBuffer::raw_body;
    text_cut_ = is_body && request_->body_cut;
    return text_.data() != nullptr && !(chain.empty_is_absent != 0 && text_.empty()) && text_holds();
}

// Each header is a text of its own.
bool Judge::any_header_holds() noexcept {
    text_cut_ = false;
    std::string_view rest = request_->headers;
    while (!rest.empty()) {
        text_ = take_header(rest, part_text_);
        if (text_.data() == nullptr) {
            return false;
        }
        if (text_holds()) {
            return true;
        }
    }
    return false;
}

bool Judge::text_holds() noexcept {
    budget_ = budget_base_bytes + budget_texts * text_.size();
    return options_hold(0, 0);
}

bool Judge::spend(std::size_t bytes) noexcept {
    const std::size_t cost = bytes + step_cost_bytes;
    if (budget_ < cost) {
        limits_exceeded_ += budget_ > 0 ? 1 : 0;
        budget_ = 0;
        return false;
    }
    budget_ -= cost;
    return true;
}

// An option's failure downstream can change with another occurrence of this one only if some later option
// counts from it.
bool Judge::worth_retrying(std::size_t index) const noexcept {
    for (std::size_t later = index + 1; later < options_.size(); ++later) {
        const api::RuleOption& option = options_[later];
        if ((option.flags & api::option_relative) != 0) {
            return true;
        }
        const bool moves =
            option.kind == api::RuleOptionKind::content || option.kind == api::RuleOptionKind::pcre;
        if (moves && (option.flags & api::option_negated) == 0) {
            return false;
        }
    }
    return false;
}

bool Judge::options_hold(std::size_t index, std::size_t position) noexcept {
    if (index == options_.size()) {
        return true;
    }
    const api::RuleOption& option = options_[index];
    const bool negated = (option.flags & api::option_negated) != 0;
    const auto size = static_cast<std::int64_t>(text_.size());
    switch (option.kind) {
        case api::RuleOptionKind::content:
            return content_holds(index, position);
        case api::RuleOptionKind::pcre:
            return pcre_holds(index, position);
        case api::RuleOptionKind::length:
            // At least so many bytes, where the end is not at hand.
            if (text_cut_ && (negated || option.to < api::rule_length_max)) {
                return false;
            }
            return (size >= option.from && size <= option.to) != negated && options_hold(index + 1, position);
        case api::RuleOptionKind::data_at: {
            if (text_cut_ && negated) {
                return false;
            }
            const bool relative = (option.flags & api::option_relative) != 0;
            const std::int64_t base = relative ? static_cast<std::int64_t>(position) : 0;
            return (base + option.from <= size) != negated && options_hold(index + 1, position);
        }
        case api::RuleOptionKind::packet_size: {
            const std::int64_t packet = packet_size();
            return packet >= option.from && packet <= option.to && options_hold(index + 1, position);
        }
        case api::RuleOptionKind::tcp_flags:
            return payload_ != nullptr && flags_hold(option, payload_->tcp_flags) &&
                   options_hold(index + 1, position);
    }
    return false;
}

std::int64_t Judge::packet_size() const noexcept {
    return payload_ != nullptr ? payload_->packet_size : request_->packet_size;
}

bool Judge::content_holds(std::size_t index, std::size_t position) noexcept {
    const api::RuleOption& option = options_[index];
    const std::string_view needle = tables_.view.text(option.bytes_offset, option.bytes_length);
    const bool nocase = (option.flags & api::option_nocase) != 0;
    const bool at_end = (option.flags & api::option_at_end) != 0;
    const auto size = static_cast<std::int64_t>(text_.size());
    const std::int64_t base =
        (option.flags & api::option_relative) != 0 ? static_cast<std::int64_t>(position) : 0;
    const bool bounded = (option.flags & api::option_bounded) != 0;
    const bool negated = (option.flags & api::option_negated) != 0;
    if (text_cut_ && (at_end || (negated && !(bounded && base + option.to <= size)))) {
        return false;  // what is not at hand would decide
    }
    std::int64_t from = std::max<std::int64_t>(0, base + option.from);
    const std::int64_t to = bounded ? std::clamp<std::int64_t>(base + option.to, 0, size) : size;
    if (at_end) {
        // Only the last possible place counts; out of range, nothing is found.
        from = std::max(from, size - static_cast<std::int64_t>(needle.size()));
    }
    while (from <= to) {
        if (!spend(static_cast<std::size_t>(to - from))) {
            return false;
        }
        const std::size_t found =
            find_within(text_, static_cast<std::size_t>(from), static_cast<std::size_t>(to), needle, nocase);
        if (found == std::string_view::npos) {
            break;
        }
        if (negated) {
            return false;
        }
        if (options_hold(index + 1, found + needle.size())) {
            return true;
        }
        if (budget_ == 0 || !worth_retrying(index)) {
            return false;
        }
        from = static_cast<std::int64_t>(found) + 1;
    }
    return negated && options_hold(index + 1, position);
}

bool Judge::pcre_holds(std::size_t index, std::size_t position) noexcept {
    const api::RuleOption& option = options_[index];
    const bool negated = (option.flags & api::option_negated) != 0;
    const std::size_t base =
        (option.flags & api::option_relative) != 0 ? std::min(position, text_.size()) : 0;
    const std::string_view subject = text_.substr(base);
    if (text_cut_ && negated) {
        return false;
    }
    const std::uint32_t options = text_cut_ ? PCRE2_NOTEOL : 0;  // no '$' where the kept bytes end
    std::size_t start = 0;
    while (start <= subject.size()) {
        if (!spend(subject.size() - start)) {
            return false;
        }
        const int result =
            pcre2_match(tables_.pcres[option.pcre].get(), reinterpret_cast<PCRE2_SPTR>(subject.data()),
                        subject.size(), start, options, match_data_, match_context_);
        if (result == PCRE2_ERROR_NOMATCH) {
            break;
        }
        if (result < 0) {
            ++limits_exceeded_;
            return false;
        }
        if (negated) {
            return false;
        }
        const PCRE2_SIZE* found = pcre2_get_ovector_pointer(match_data_);
        // \K in a lookahead may place the start after the end, so progress is forced.
        const std::size_t next = std::max(start, static_cast<std::size_t>(found[0])) + 1;
        if (options_hold(index + 1, base + found[1])) {
            return true;
        }
        if (budget_ == 0 || !worth_retrying(index)) {
            return false;
        }
        start = next;
    }
    return negated && options_hold(index + 1, position);
}

}  // namespace picket::match
