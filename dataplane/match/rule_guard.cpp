#include "dataplane/match/rule_guard.h"

#include <emmintrin.h>

#include <algorithm>
#include <array>
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

constexpr std::uint16_t pair_factor = 0x9e37;
constexpr int pair_shift = 9;  // seven bits of sixteen

std::size_t pair_hash(char first, char second) noexcept {
    const auto low = static_cast<unsigned>(static_cast<unsigned char>(first) | 0x20);
    const auto high = static_cast<unsigned>(static_cast<unsigned char>(second) | 0x20);
    return static_cast<std::uint16_t>((low | high << 8) * pair_factor) >> pair_shift;
}

using Seen = std::array<std::uint8_t, 128>;  // a byte a hash, 0xff or 0

// Hashes of the sixteen pairs that begin at `text`. REQUIRES: 17 bytes there.
std::array<std::uint8_t, 16> pair_hashes(const char* text) noexcept {
    const __m128i lower = _mm_set1_epi8(0x20);
    const auto load = [lower](const char* from) {
        return _mm_or_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)), lower);
    };
    const __m128i first = load(text);
    const __m128i second = load(text + 1);
    const auto hash = [](__m128i pairs) {
        const __m128i factor = _mm_set1_epi16(static_cast<std::int16_t>(pair_factor));
        return _mm_srli_epi16(_mm_mullo_epi16(pairs, factor), pair_shift);
    };
    std::array<std::uint8_t, 16> hashes;
    _mm_storeu_si128(
        reinterpret_cast<__m128i*>(hashes.data()),
        _mm_packus_epi16(hash(_mm_unpacklo_epi8(first, second)), hash(_mm_unpackhi_epi8(first, second))));
    return hashes;
}

void mark_hashes(std::string_view text, Seen& seen) noexcept {
    std::size_t at = 0;
    for (; at + 17 <= text.size(); at += 16) {
        for (const std::uint8_t hash : pair_hashes(text.data() + at)) seen[hash] = 0xff;
    }
    for (; at + 1 < text.size(); ++at) seen[pair_hash(text[at], text[at + 1])] = 0xff;
}

}  // namespace

// PERF: of long texts a byte a hash first, and bits of them at the end; of short ones bits at once, since the
// end waits for all bytes to be stored.
void TextSignature::add(std::string_view text, std::string_view other) noexcept {
    constexpr std::size_t long_bytes = 40;
    if (text.size() + other.size() < long_bytes) {
        add_bits(text);
        add_bits(other);
        return;
    }
    alignas(16) Seen seen{};
    mark_hashes(text, seen);
    mark_hashes(other, seen);
    for (std::size_t i = 0; i < seen.size(); i += 16) {
        const __m128i bytes = _mm_load_si128(reinterpret_cast<const __m128i*>(seen.data() + i));
        const auto bits = static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm_movemask_epi8(bytes)));
        words_[i / 64] |= bits << (i % 64);
    }
}

void TextSignature::add_bits(std::string_view text) noexcept {
    std::uint64_t low = words_[0];
    std::uint64_t high = words_[1];
    for (std::size_t at = 1; at < text.size(); ++at) {
        const std::size_t hash = pair_hash(text[at - 1], text[at]);
        const std::uint64_t bit = std::uint64_t{1} << (hash & 63);
        const std::uint64_t is_high = 0 - std::uint64_t{hash >> 6};
        low |= bit & ~is_high;
        high |= bit & is_high;
    }
    words_ = {low, high};
}

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

bool HeaderStart::admits_headers(const RequestView& request) const noexcept {
    if (!request.plain_headers || request.headers.starts_with('C') ||
        request.headers.starts_with('c')) {  // rules do not see Cookie
        return true;
    }
    return request.headers.size() >= length_ &&
           std::equal(text_.begin(), text_.begin() + length_, request.headers.begin(),
                      [](char wanted, char byte) { return wanted == lower_case(byte); });
}

TextSignature uri_signature(const RequestView& request, bool raw_too) noexcept {
    const bool differ = raw_too && request.raw_uri.data() != request.normalized_uri.data();
    TextSignature signature;
    signature.add(request.normalized_uri, differ ? request.raw_uri : std::string_view());
    return signature;
}

RuleGuards make_guards(const BlobView& view) {
    RuleGuards made;
    std::vector<RuleGuard>& guards = made.of_rules;
    guards.resize(view.rules.size());
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
                made.raw_uri |= chain.buffer == api::RuleBuffer::raw_uri && !bytes.empty();
            }
        }
    }
    return made;
}

}  // namespace picket::match
