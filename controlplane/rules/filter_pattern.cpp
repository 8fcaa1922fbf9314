#include "controlplane/rules/filter_pattern.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <system_error>

#include "controlplane/rules/pcre_check.h"

namespace picket::rules {
namespace {

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

constexpr std::size_t repeats_max = 16;
constexpr std::size_t repeats_kept = 8;

// A quantifier {n}, {n,} or {n,m} at pattern[at] that counts far; nothing if it is none or small.
struct FarQuantifier {
    std::size_t least = 0;
    std::size_t end = 0;  // position of '}'
};
std::optional<FarQuantifier> far_quantifier(std::string_view pattern, std::size_t at) {
    const char* const end = pattern.data() + pattern.size();
    FarQuantifier quantifier;
    auto [next, error] = std::from_chars(pattern.data() + at + 1, end, quantifier.least);
    std::size_t most = quantifier.least;
    if (error != std::errc{} || next == end) {
        return std::nullopt;
    }
    if (*next == ',') {
        const auto upper = std::from_chars(next + 1, end, most);
        next = upper.ec == std::errc{} ? upper.ptr : next + 1;
    }
    if (next == end || *next != '}' || std::max(quantifier.least, most) <= repeats_max) {
        return std::nullopt;
    }
    quantifier.end = static_cast<std::size_t>(next - pattern.data());
    return quantifier;
}

}  // namespace

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

std::optional<std::string> relax_pattern(std::string_view pattern, std::uint32_t pcre_options,
                                         Anchors anchors) {
    std::string relaxed = (pcre_options & PCRE2_EXTENDED) != 0 ? "(?x)" : "";
    if (((pcre_options & PCRE2_EXTENDED) != 0 && pattern.find('#') != std::string_view::npos) ||
        pattern.starts_with("(*")) {
        return std::nullopt;
    }
    // Within a negation less would be demanded of what must not be there.
    const bool may_shorten =
        pattern.find("(?!") == std::string_view::npos && pattern.find("(?<!") == std::string_view::npos;
    const bool keep_begin = anchors != Anchors::none;
    const bool keep_end = anchors == Anchors::both;
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
                relaxed += keep_begin ? "^" : "(?:)";
            } else if (escape == 'z' || escape == 'Z') {
                relaxed += keep_end ? "$" : "(?:)";
            } else if (escape == 'Q' || escape == 'G' || escape == 'K') {
                return std::nullopt;
            } else {
                relaxed += byte;
                relaxed += escape;
            }
        } else if (const auto far = byte == '{' && may_shorten ? far_quantifier(pattern, at) : std::nullopt) {
            // The engine keeps a state for each of [^x]{432}; the exact pattern is judged anyway.
            relaxed += "{" + std::to_string(std::min(far->least, repeats_kept)) + ",}";
            at = far->end;
        } else if (byte == '(' && pattern.substr(at).starts_with("(?") &&
                   turns_lines_off(pattern.substr(at))) {
            return std::nullopt;
        } else if ((byte == '^' && !keep_begin) || (byte == '$' && !keep_end)) {
            relaxed += "(?:)";
        } else {
            relaxed += byte;
        }
    }
    return relaxed;
}

std::vector<std::string> literal_runs(std::string_view pattern) {
    std::vector<std::string> runs;
    std::string run;
    const auto end_run = [&] {
        if (!run.empty()) runs.push_back(std::move(run));
        run.clear();
    };
    for (std::size_t at = 0; at < pattern.size(); ++at) {
        const char byte = pattern[at];
        const char escape = byte == '\\' && at + 1 < pattern.size() ? pattern[at + 1] : '\0';
        if (byte == '[' || byte == '{') {
            const std::size_t end = byte == '[' ? class_end(pattern, at) : pattern.find('}', at);
            at = std::min(end, pattern.size());
            end_run();
        } else if (escape == 'x' && at + 3 < pattern.size()) {
            run +=
                static_cast<char>(std::strtol(std::string(pattern.substr(at + 2, 2)).c_str(), nullptr, 16));
            at += 3;
        } else if (escape != '\0') {
            ++at;
            if (std::isalnum(static_cast<unsigned char>(escape)) != 0) {
                end_run();
            } else {
                run += escape;
            }
        } else if (std::string_view("^$.()|+?*}").find(byte) != std::string_view::npos) {
            end_run();
        } else {
            run += byte;
        }
    }
    end_run();
    return runs;
}

std::string longest_literal(std::string_view pattern) {
    std::string longest;
    for (std::string& run : literal_runs(pattern)) {
        if (run.size() > longest.size()) {
            longest = std::move(run);
        }
    }
    return longest;
}

// Whatever can match a line end: its escapes, negated classes, a dot that takes all, and escapes by number.
bool stays_within_line(std::string_view pattern, std::uint32_t pcre_options) {
    if (pattern.find("[^") != std::string_view::npos) {
        return false;
    }
    const bool dot_takes_all =
        (pcre_options & PCRE2_DOTALL) != 0 || pattern.find("(?") != std::string_view::npos;
    for (std::size_t at = 0; at < pattern.size(); ++at) {
        if (pattern[at] == '.' && dot_takes_all) {
            return false;
        }
        if (pattern[at] == '\n' || pattern[at] == '\r') {
            return false;
        }
        if (pattern[at] != '\\' || at + 1 == pattern.size()) {
            continue;
        }
        constexpr std::string_view within_line = "dwhSbB";
        const char escape = pattern[++at];
        const bool by_number =
            escape == 'x' && at + 2 < pattern.size() && pattern[at + 1] != '0' && pattern[at + 1] != '{';
        const bool literal = std::isalnum(static_cast<unsigned char>(escape)) == 0;
        if (!by_number && !literal && within_line.find(escape) == std::string_view::npos) {
            return false;
        }
    }
    return true;
}

}  // namespace picket::rules
