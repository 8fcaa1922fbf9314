// Texts that rules see of a request's head and that are not on the wire in this form.
//
// Pure functions, no allocation. Sources: RFC 9110 §5.1, §5.5 (names, white space), RFC 9112 §5.2 (obsolete
// line folding).
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace picket::match {

// Heads up to this many bytes are seen whole; the http stage must not pass longer ones.
inline constexpr std::size_t head_bytes_max = 64 * 1024;
// Enough for normalize_headers() of a head of head_bytes_max: a line grows by two bytes at most.
inline constexpr std::size_t head_text_max = 2 * head_bytes_max;

// Each header as "Name: value\r\n" with the white space around the value removed and folded lines joined
// by one space; headers named left_out (lower case) are left out. Lines without a colon stay as they are.
// Stops at the empty line or when out is full. Returns the bytes written.
std::size_t normalize_headers(std::string_view raw, std::string_view left_out, std::span<char> out) noexcept;

// The names of the headers in their order: "\r\nName\r\nName\r\n\r\n"; folded lines and lines without a colon
// have none. Stops at the empty line or when out is full. Returns the bytes written, 0 if there is no header.
std::size_t header_names(std::string_view raw, std::span<char> out) noexcept;

// Value of the first header of that name (lower case), white space removed; null if there is none. A view
// into raw; of a folded value only its first line.
std::string_view header_value(std::string_view raw, std::string_view lower_name) noexcept;

// Host without its port, in lower case, written to out (cut at its end); null stays null.
std::string_view normalize_host(std::string_view host, std::span<char> out) noexcept;

constexpr unsigned char lower_byte(unsigned char byte) noexcept {
    return byte >= 'A' && byte <= 'Z' ? static_cast<unsigned char>(byte | 0x20) : byte;
}

// True if text equals lower (which is in lower case) but for the case of ASCII letters.
bool equals_caseless(std::string_view text, std::string_view lower) noexcept;

}  // namespace picket::match
