#include "controlplane/export/escape_bytes.h"

#include <algorithm>

namespace picket::exporter {

namespace {
constexpr std::string_view digits = "0123456789abcdef";
constexpr std::string_view upper_digits = "0123456789ABCDEF";
}  // namespace

std::string escape_bytes(std::string_view bytes) {
    const auto printable = [](char c) { return c >= 0x20 && c < 0x7f; };
    if (std::all_of(bytes.begin(), bytes.end(), printable)) return std::string(bytes);
    std::string text;
    text.reserve(bytes.size() + 16);
    for (const char c : bytes) {
        if (printable(c)) {
            text += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        text += "\\x";
        text += upper_digits[byte >> 4];
        text += upper_digits[byte & 15];
    }
    return text;
}

std::string hex_bytes(const unsigned char* bytes, std::size_t length) {
    std::string text;
    text.reserve(2 * length);
    for (std::size_t i = 0; i < length; ++i) {
        text += digits[bytes[i] >> 4];
        text += digits[bytes[i] & 15];
    }
    return text;
}

}  // namespace picket::exporter
