// Texts that rules see of a request's head and that are not on the wire in this form.
//
// Pure functions, no allocation. Sources: RFC 9110 §5.1, §5.5 (names, white space), RFC 9112 §5.2 (obsolete
// line folding).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
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

// The same of eight bytes at once.
constexpr std::uint64_t lower_bytes(std::uint64_t bytes) noexcept {
    constexpr std::uint64_t ones = 0x0101010101010101;
    const std::uint64_t low_bits = bytes & 0x7f * ones;
    // The highest bit of each byte: at least 'A', and above 'Z'.
    const std::uint64_t from_a = low_bits + (0x80 - 'A') * ones;
    const std::uint64_t above_z = low_bits + (0x7f - 'Z') * ones;
    return bytes | ((from_a ^ above_z) & ~bytes & 0x80 * ones) >> 2;
}

// True if text equals wanted, which is in lower case where `caseless`: there ASCII letters of text count as
// such. PERF: out of line and byte by byte it took a tenth of what judging an adversary's URIs took.
template <bool caseless>
inline bool equals_text(std::string_view text, std::string_view wanted) noexcept {
    if (text.size() != wanted.size()) return false;
    const auto equal_at = [&](std::size_t at) {
        std::uint64_t left;
        std::uint64_t right;
        std::memcpy(&left, text.data() + at, 8);
        std::memcpy(&right, wanted.data() + at, 8);
        return (caseless ? lower_bytes(left) : left) == right;
    };
    std::size_t at = 0;
    for (; at + 8 <= text.size(); at += 8) {
        if (!equal_at(at)) return false;
    }
    if (at != 0) return at == text.size() || equal_at(text.size() - 8);
    for (; at < text.size(); ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if ((caseless ? lower_byte(byte) : byte) != static_cast<unsigned char>(wanted[at])) return false;
    }
    return true;
}

inline bool equals_caseless(std::string_view text, std::string_view lower) noexcept {
    return equals_text<true>(text, lower);
}

}  // namespace picket::match
