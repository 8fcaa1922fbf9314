// Text of unknown origin as a terminal may show it. Pure functions.
#pragma once

#include <string>
#include <string_view>

namespace picket::config {

inline std::string escaped_byte(unsigned char byte) {
    constexpr std::string_view digits = "0123456789abcdef";
    return {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
}

// A line of a file that is quoted in a sentence: at most 60 characters, all but printable ASCII as \xNN.
[[nodiscard]] inline std::string shown_line(std::string_view line) {
    constexpr std::size_t characters_max = 60;
    constexpr std::string_view cut = "...";
    std::string text;
    for (const char c : line) {
        const auto byte = static_cast<unsigned char>(c);
        const std::string next = byte >= 0x20 && byte < 0x7f ? std::string(1, c) : escaped_byte(byte);
        if (text.size() + next.size() + cut.size() > characters_max) return text.append(cut);
        text += next;
    }
    return text;
}

// A whole sentence or several, of another program: only what would steer the terminal is written as \xNN.
[[nodiscard]] inline std::string shown_sentences(std::string_view sentences) {
    std::string text;
    for (const char c : sentences) {
        const auto byte = static_cast<unsigned char>(c);
        const bool steers = (byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f;
        text += steers ? escaped_byte(byte) : std::string(1, c);
    }
    return text;
}

}  // namespace picket::config
