// Lines of a header block, for the functions of head_text.h and message_parts.h.
//
// Pure functions, no allocation.
#pragma once

#include <cstddef>
#include <string_view>

namespace picket::match {

constexpr bool is_blank(char byte) noexcept {
    return byte == ' ' || byte == '\t';
}

inline std::string_view trim_blanks(std::string_view text) noexcept {
    while (!text.empty() && is_blank(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_blank(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

// Takes the next line off raw, without its line end.
inline std::string_view take_line(std::string_view& raw) noexcept {
    const std::size_t end = raw.find('\n');
    std::string_view line = raw.substr(0, end);
    raw.remove_prefix(end == std::string_view::npos ? raw.size() : end + 1);
    if (!line.empty() && line.back() == '\r') {
        line.remove_suffix(1);
    }
    return line;
}

}  // namespace picket::match
