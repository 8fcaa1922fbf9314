#include "dataplane/match/rule_guard.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <string>
#include <system_error>

#include "dataplane/match/find_text.h"
#include "dataplane/match/rule_tables.h"

namespace picket::match {
namespace {

void narrow_by_length(LengthBounds& bounds, const api::RuleOption& option) {
    bounds.min = std::max(bounds.min, static_cast<std::uint32_t>(std::max(option.from, 0)));
    bounds.max = std::min(bounds.max, static_cast<std::uint32_t>(std::max(option.to, 0)));
    // A length that nothing can have, a<>a, stays impossible.
}

std::uint8_t methods_with(std::string_view name, bool nocase) {
    std::uint8_t methods = method_other;
    const auto holds = [&](std::string_view method) {
        return (nocase ? find_caseless(method, name) : method.find(name)) != std::string_view::npos;
    };
    methods = static_cast<std::uint8_t>(methods | (holds("GET") ? method_get : 0));
    return static_cast<std::uint8_t>(methods | (holds("POST") ? method_post : 0));
}

void add_option(RuleGuard& guard, api::RuleBuffer buffer, const api::RuleOption& option,
                std::string_view bytes) {
    const bool is_length = option.kind == api::RuleOptionKind::length;
    if ((option.flags & api::option_negated) != 0 ||
        (!is_length && option.kind != api::RuleOptionKind::content)) {
        return;
    }
    if (buffer == api::RuleBuffer::method) {
        if (!is_length) {
            guard.methods &= methods_with(bytes, (option.flags & api::option_nocase) != 0);
        }
        return;
    }
    LengthBounds& bounds = buffer == api::RuleBuffer::uri ? guard.uri : guard.raw_uri;
    if (is_length) {
        narrow_by_length(bounds, option);
    } else {
        bounds.min = std::max(bounds.min, static_cast<std::uint32_t>(bytes.size()));
        guard.signature.add(bytes);
    }
}

char lower_case(char byte) noexcept {
    return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte | 0x20) : byte;
}

// The plain character that the pattern has at `at`, which is moved behind it; nothing if it is anything else.
std::optional<char> take_plain(std::string_view pattern, std::size_t& at) noexcept {
    const char byte = pattern[at];
    if (byte != '\\') {
        if (std::string_view("^$.()|[]{}?*+# \t\r\n").find(byte) != std::string_view::npos)
            return std::nullopt;
        ++at;
        return byte;
    }
    const std::string_view escape = pattern.substr(at + 1);
    if (escape.size() >= 3 && escape[0] == 'x') {
        unsigned code = 0;
        const auto [end, error] = std::from_chars(escape.data() + 1, escape.data() + 3, code, 16);
        if (error != std::errc{} || end != escape.data() + 3) return std::nullopt;
        at += 4;
        return static_cast<char>(code);
    }
    if (escape.empty() || std::isalnum(static_cast<unsigned char>(escape[0])) != 0) return std::nullopt;
    at += 2;
    return escape[0];
}

void add_header_start(RuleGuard& guard, const BlobView& view, const api::RuleOption& option) {
    if (option.kind != api::RuleOptionKind::pcre ||
        (option.flags & (api::option_negated | api::option_relative)) != 0) {
        return;
    }
    const api::PcreEntry& pcre = view.pcres[option.pcre];
    const HeaderStart start(view.text(pcre.pattern_offset, pcre.pattern_length), pcre.options);
    if (start.text().size() > guard.header_start.text().size()) {
        guard.header_start = start;
    }
}

}  // namespace

HeaderStart::HeaderStart(std::string_view pattern, std::uint32_t options) noexcept {
    if (!pattern.starts_with('^') || (options & (PCRE2_MULTILINE | PCRE2_EXTENDED)) != 0 ||
        pattern.find('|') != std::string_view::npos) {
        return;
    }
    std::size_t at = 1;
    while (length_ < length_max && at < pattern.size()) {
        const std::optional<char> byte = take_plain(pattern, at);
        if (!byte) break;
        // What a quantifier follows need not be there.
        if (at < pattern.size() && std::string_view("?*{").find(pattern[at]) != std::string_view::npos) break;
        text_[length_++] = lower_case(*byte);
    }
}

bool HeaderStart::admits(const RequestView& request) const noexcept {
    if (length_ == 0 || !request.plain_headers || request.headers.starts_with('C') ||
        request.headers.starts_with('c')) {  // rules do not see Cookie
        return true;
    }
    return request.headers.size() >= length_ &&
           std::equal(text_.begin(), text_.begin() + length_, request.headers.begin(),
                      [](char wanted, char byte) { return wanted == lower_case(byte); });
}

RequestShape::RequestShape(const RequestView& request) noexcept
    : uri_length(static_cast<std::uint32_t>(request.normalized_uri.size())),
      raw_uri_length(static_cast<std::uint32_t>(request.raw_uri.size())),
      phases(request.phases) {
    if (request.method == "GET") {
        method = method_get;
    } else if (request.method == "POST") {
        method = method_post;
    }
}

TextSignature uri_signature(const RequestView& request) noexcept {
    TextSignature signature;
    signature.add(request.normalized_uri);
    if (request.raw_uri.data() != request.normalized_uri.data()) {
        signature.add(request.raw_uri);
    }
    return signature;
}

std::vector<RuleGuard> make_guards(const BlobView& view) {
    std::vector<RuleGuard> guards(view.rules.size());
    for (std::size_t rule = 0; rule < view.rules.size(); ++rule) {
        const api::RuleEntry& entry = view.rules[rule];
        guards[rule].phases = entry.flags & api::rule_phases;
        for (const api::RuleChain& chain : view.chains.subspan(entry.chain_first, entry.chain_count)) {
            const bool is_header =
                chain.buffer == api::RuleBuffer::header || chain.buffer == api::RuleBuffer::raw_header;
            if (chain.buffer != api::RuleBuffer::uri && chain.buffer != api::RuleBuffer::raw_uri &&
                chain.buffer != api::RuleBuffer::method && !is_header) {
                continue;
            }
            for (const api::RuleOption& option :
                 view.options.subspan(chain.option_first, chain.option_count)) {
                if (is_header) {
                    add_header_start(guards[rule], view, option);
                    continue;
                }
                const std::string_view bytes = option.kind == api::RuleOptionKind::content
                                                   ? view.text(option.bytes_offset, option.bytes_length)
                                                   : std::string_view();
                add_option(guards[rule], chain.buffer, option, bytes);
            }
        }
    }
    return guards;
}

}  // namespace picket::match
