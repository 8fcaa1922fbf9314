#include "controlplane/rules/pattern_size.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <vector>

namespace picket::rules {
namespace {

constexpr std::size_t size_max = SIZE_MAX / 2;

std::size_t product(std::size_t a, std::size_t b) {
    return b != 0 && a > size_max / b ? size_max : a * b;
}

std::size_t sum(std::size_t a, std::size_t b) {
    return std::min(size_max, a + b);
}

// Position of the ']' of the class that begins at `at`, or the pattern's end.
std::size_t class_end(std::string_view pattern, std::size_t at) {
    at += pattern.substr(at + 1).starts_with('^') ? 2 : 1;
    if (at < pattern.size() && pattern[at] == ']') ++at;
    while (at < pattern.size() && pattern[at] != ']') at += pattern[at] == '\\' ? 2 : 1;
    return std::min(at, pattern.size());
}

// The largest count of a quantifier {n}, {n,} or {n,m} at `at`, which moves to its '}'; 0 if it is none.
std::size_t repeats(std::string_view pattern, std::size_t& at) {
    const std::size_t close = pattern.find('}', at);
    if (close == std::string_view::npos) return 0;
    std::size_t count = 0;
    const char* const end = pattern.data() + close;
    const auto [next, fault] = std::from_chars(pattern.data() + at + 1, end, count);
    if (fault != std::errc{}) return 0;
    if (next != end) {
        std::size_t most = 0;
        if (*next != ',') return 0;
        if (next + 1 != end) {
            const auto upper = std::from_chars(next + 1, end, most);
            if (upper.ec != std::errc{} || upper.ptr != end) return 0;
        }
        count = std::max(count, most);
    }
    at = close;
    return std::max<std::size_t>(count, 1);
}

}  // namespace

std::size_t unrolled_size(std::string_view pattern) {
    std::vector<std::size_t> open{0};  // sizes of the groups that are open, the whole pattern first
    std::size_t last = 0;              // of what a quantifier would repeat
    for (std::size_t at = 0; at < pattern.size(); ++at) {
        const char byte = pattern[at];
        if (byte == '(') {
            open.push_back(0);
            last = 0;
        } else if (byte == ')' && open.size() > 1) {
            last = open.back();
            open.pop_back();
            open.back() = sum(open.back(), last);
        } else if (const std::size_t count = byte == '{' ? repeats(pattern, at) : 0; count > 0) {
            const std::size_t more = product(last, count - 1);
            open.back() = sum(open.back(), more);
            last = sum(last, more);
        } else {
            if (byte == '\\') ++at;
            if (byte == '[') at = class_end(pattern, at);
            last = 1;
            open.back() = sum(open.back(), 1);
        }
    }
    std::size_t all = 0;
    for (const std::size_t size : open) all = sum(all, size);
    return all;
}

}  // namespace picket::rules
