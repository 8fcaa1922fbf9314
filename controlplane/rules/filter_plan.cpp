#include "controlplane/rules/filter_plan.h"

#include <hs/hs.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "controlplane/rules/pcre_check.h"
#include "controlplane/rules/rule_text.h"

namespace picket::rules {
namespace {

using api::FilterGroup;
using api::RuleBuffer;

// Below this an element passes so many texts that a pcre, if there is one, filters better.
constexpr double content_bits_good = 14;
// Below this an element passes nearly everything: judging always costs less than filtering.
constexpr double content_bits_min = 5;
// Heads are ten times as long as URIs: an element there must be that much rarer to be worth its scan, and is
// not taken where the URI has a good one.
constexpr double head_penalty_bits = 8;
constexpr double uri_preference_bits = 1e6;

// Parts of these pass most requests of some site (from access logs that their publishers share).
constexpr auto common_tokens = std::to_array<std::string_view>({".php",
                                                                ".html",
                                                                ".htm",
                                                                ".asp",
                                                                ".aspx",
                                                                ".jsp",
                                                                ".cgi",
                                                                ".js",
                                                                ".css",
                                                                ".png",
                                                                ".jpg",
                                                                ".gif",
                                                                ".ico",
                                                                "/index.php",
                                                                "/index.html",
                                                                "/images/",
                                                                "/cgi-bin/",
                                                                "/wp-content/",
                                                                "/favicon.ico",
                                                                "http://",
                                                                "https://",
                                                                "www.",
                                                                ".com/",
                                                                ".org/",
                                                                "?id=",
                                                                "&id=",
                                                                "page=",
                                                                "/admin/",
                                                                "/blog/",
                                                                "/search",
                                                                "user-agent: mozilla/5.0 (",
                                                                "accept: */*",
                                                                "accept-encoding: gzip, deflate",
                                                                "accept-language: en",
                                                                "connection: keep-alive",
                                                                "content-type: ",
                                                                "content-length: ",
                                                                "application/x-www-form-urlencoded",
                                                                "host: ",
                                                                "referer: http",
                                                                "cache-control: ",
                                                                "windows nt ",
                                                                "applewebkit/",
                                                                "gecko",
                                                                "chrome/",
                                                                "safari/",
                                                                "firefox/",
                                                                "compatible; msie ",
                                                                " http/1.1\r\n",
                                                                "\r\n\r\n",
                                                                "get /",
                                                                "post /"});

double byte_bits(unsigned char byte, bool nocase) {
    constexpr std::string_view frequent = "etaoinsr";
    if (frequent.find(static_cast<char>(byte)) != std::string_view::npos) {
        return 4;
    }
    if (std::islower(byte) != 0) {
        return 5.5;
    }
    if (std::isdigit(byte) != 0) {
        return 4.5;
    }
    if (std::isupper(byte) != 0) {
        return nocase ? 5.5 : 6.5;
    }
    return std::string_view("/.-=&?_% ").find(static_cast<char>(byte)) != std::string_view::npos ? 4 : 7;
}

std::string literal_pattern(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string pattern;
    pattern.reserve(bytes.size() * 4);
    for (const char byte : bytes) {
        const auto value = static_cast<unsigned char>(byte);
        pattern += "\\x";
        pattern += digits[value >> 4];
        pattern += digits[value & 15];
    }
    return pattern;
}

// Group and text of a buffer; nullopt for the method, which every request passes.
std::optional<FilterChoice> place_of(RuleBuffer buffer) {
    switch (buffer) {
        case RuleBuffer::payload:
            return FilterChoice{FilterGroup::payload, buffer, "", 0};
        case RuleBuffer::uri:
        case RuleBuffer::raw_uri:
            return FilterChoice{FilterGroup::uri, buffer, "", 0};
        case RuleBuffer::method:
            return std::nullopt;
        case RuleBuffer::field:  // a part of the header block
            return FilterChoice{FilterGroup::head, RuleBuffer::raw_header, "", 0};
        default:
            return FilterChoice{FilterGroup::head, buffer, "", 0};
    }
}

struct Scored {
    FilterChoice choice;
    double bits = 0;
};

std::optional<Scored> best_content(const Rule& rule) {
    std::optional<Scored> best;
    for (const OptionChain& chain : rule.chains) {
        const auto place = place_of(chain.buffer);
        if (!place) {
            continue;
        }
        for (const BufferOption& option : chain.options) {
            if (option.kind != api::RuleOptionKind::content || (option.flags & api::option_negated) != 0) {
                continue;
            }
            const bool nocase = (option.flags & api::option_nocase) != 0;
            double bits = rarity_bits(option.bytes, nocase);
            if (place->group == FilterGroup::head) {
                bits -= head_penalty_bits;
            } else if (bits >= content_bits_good) {
                bits += uri_preference_bits;
            }
            if (!best || bits > best->bits) {
                best = Scored{*place, bits};
                best->choice.pattern = literal_pattern(option.bytes);
                best->choice.flags = nocase ? HS_FLAG_CASELESS : 0;
            }
        }
    }
    return best;
}

// True if Hyperscan takes the expression and it cannot match the empty string.
bool engine_accepts(const FilterChoice& choice) {
    hs_expr_info_t* info = nullptr;
    hs_compile_error_t* fault = nullptr;
    if (hs_expression_info(choice.pattern.c_str(), choice.flags, &info, &fault) != HS_SUCCESS) {
        hs_free_compile_error(fault);
        return false;
    }
    const bool matches_something = info->min_width > 0;
    std::free(info);
    hs_database_t* database = nullptr;
    if (!matches_something || hs_compile(choice.pattern.c_str(), choice.flags, HS_MODE_BLOCK, nullptr,
                                         &database, &fault) != HS_SUCCESS) {
        if (matches_something) {
            hs_free_compile_error(fault);
        }
        return false;
    }
    hs_free_database(database);
    return true;
}

std::optional<FilterChoice> filter_of_pcre(const BufferOption& option, FilterChoice choice) {
    const auto relaxed = relax_pattern(option.bytes, option.pcre_options);
    if (!relaxed || relaxed->find('\0') != std::string::npos) {
        return std::nullopt;
    }
    choice.pattern = *relaxed;
    choice.flags = HS_FLAG_PREFILTER | HS_FLAG_MULTILINE;
    choice.flags |= (option.pcre_options & PCRE2_CASELESS) != 0 ? HS_FLAG_CASELESS : 0;
    choice.flags |= (option.pcre_options & PCRE2_DOTALL) != 0 ? HS_FLAG_DOTALL : 0;
    return engine_accepts(choice) ? std::optional(choice) : std::nullopt;
}

std::optional<FilterChoice> first_pcre(const Rule& rule) {
    for (const OptionChain& chain : rule.chains) {
        const auto place = place_of(chain.buffer);
        for (const BufferOption& option : chain.options) {
            const bool usable = place && option.kind == api::RuleOptionKind::pcre &&
                                (option.flags & (api::option_negated | api::option_relative)) == 0;
            if (!usable) {
                continue;
            }
            if (auto choice = filter_of_pcre(option, *place)) {
                return choice;
            }
        }
    }
    return std::nullopt;
}

// End of the class that begins at pattern[at] == '[', or npos.
std::size_t class_end(std::string_view pattern, std::size_t at) {
    ++at;
    if (at < pattern.size() && pattern[at] == '^') {
        ++at;
    }
    if (at < pattern.size() && pattern[at] == ']') {
        ++at;
    }
    while (at < pattern.size() && pattern[at] != ']') {
        if (pattern[at] == '\\') {
            ++at;
        } else if (pattern[at] == '[' && at + 1 < pattern.size() && pattern[at + 1] == ':') {
            const std::size_t end = pattern.find(":]", at + 2);
            at = end == std::string_view::npos ? at : end + 1;
        }
        ++at;
    }
    return at < pattern.size() ? at : std::string_view::npos;
}

// True for (?-m), (?^) and the like, which would take line anchors back.
bool turns_lines_off(std::string_view group) {
    std::size_t at = 2;
    while (at < group.size() && (std::isalpha(static_cast<unsigned char>(group[at])) != 0 ||
                                 group[at] == '-' || group[at] == '^')) {
        if (group[at] == '-' || group[at] == '^') {
            return true;
        }
        ++at;
    }
    return false;
}

}  // namespace

double rarity_bits(std::string_view bytes, bool nocase) {
    const std::string lower = lower_case(bytes);
    if (std::ranges::any_of(common_tokens, [&](std::string_view token) {
            return token.find(lower) != std::string_view::npos;
        })) {
        return std::min(4.0, static_cast<double>(bytes.size()));
    }
    double bits = 0;
    for (const char byte : bytes) {
        bits += byte_bits(static_cast<unsigned char>(byte), nocase);
    }
    // What is common in a content adds little to its rarity.
    for (const std::string_view token : common_tokens) {
        if (token.size() >= 4 && lower.find(token) != std::string::npos) {
            bits -= 4.0 * static_cast<double>(token.size() - 1);
            break;
        }
    }
    return std::max(bits, 0.0);
}

std::optional<std::string> relax_pattern(std::string_view pattern, std::uint32_t pcre_options) {
    std::string relaxed = (pcre_options & PCRE2_EXTENDED) != 0 ? "(?x)" : "";
    if (((pcre_options & PCRE2_EXTENDED) != 0 && pattern.find('#') != std::string_view::npos) ||
        pattern.starts_with("(*")) {
        return std::nullopt;
    }
    for (std::size_t at = 0; at < pattern.size(); ++at) {
        const char byte = pattern[at];
        if (byte == '[') {
            const std::size_t end = class_end(pattern, at);
            if (end == std::string_view::npos) {
                return std::nullopt;
            }
            relaxed += pattern.substr(at, end - at + 1);
            at = end;
        } else if (byte == '\\' && at + 1 < pattern.size()) {
            const char escape = pattern[++at];
            if (escape == 'A') {
                relaxed += '^';
            } else if (escape == 'z' || escape == 'Z') {
                relaxed += '$';
            } else if (escape == 'Q' || escape == 'G' || escape == 'K') {
                return std::nullopt;
            } else {
                relaxed += byte;
                relaxed += escape;
            }
        } else if (byte == '(' && pattern.substr(at).starts_with("(?") &&
                   turns_lines_off(pattern.substr(at))) {
            return std::nullopt;
        } else {
            relaxed += byte;
        }
    }
    return relaxed;
}

std::optional<FilterChoice> choose_filter(const Rule& rule) {
    auto content = best_content(rule);
    if (content && content->bits >= content_bits_good) {
        return std::move(content->choice);
    }
    if (auto pcre = first_pcre(rule)) {
        return pcre;
    }
    if (content && content->bits >= content_bits_min) {
        return std::move(content->choice);
    }
    return std::nullopt;
}

api::FilterGroup default_group(const Rule& rule) {
    return rule.kind == api::RuleKind::payload ? FilterGroup::payload : FilterGroup::uri;
}

}  // namespace picket::rules
