#include "dataplane/http/normalize_uri.h"

#include <emmintrin.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace picket::http {
namespace {

constexpr int hex_value(char digit) noexcept {
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    const char lower = static_cast<char>(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

constexpr bool is_alpha(char byte) noexcept {
    const char lower = static_cast<char>(byte | 0x20);
    return lower >= 'a' && lower <= 'z';
}

// "scheme://authority" of an absolute target (RFC 3986 §3), or nothing.
std::size_t authority_length(std::string_view raw) noexcept {
    if (raw.empty() || !is_alpha(raw.front())) {
        return 0;
    }
    std::size_t at = 1;
    while (at < raw.size() && (is_alpha(raw[at]) || (raw[at] >= '0' && raw[at] <= '9') || raw[at] == '+' ||
                               raw[at] == '-' || raw[at] == '.')) {
        ++at;
    }
    if (raw.substr(at, 3) != "://") {
        return 0;
    }
    const std::size_t end = raw.find_first_of("/?#", at + 3);
    return end == std::string_view::npos ? raw.size() : end;
}

// The byte that %uXXXX stands for, or -1 if it is none that a single byte can hold.
int wide_escape(const char* in) noexcept {
    int code = 0;
    for (int digit = 0; digit < 4; ++digit) {
        const int value = hex_value(in[digit]);
        if (value < 0) {
            return -1;
        }
        code = code << 4 | value;
    }
    if (code >= 0xff01 && code <= 0xff5e) {
        return code - 0xfee0;
    }
    return code <= 0xff ? code : -1;
}

// Decodes length bytes at `in` to `out`, which may be the same place; returns the decoded length.
std::size_t decode_percent(const char* in, std::size_t length, char* out, bool wide) noexcept {
    std::size_t written = 0;
    for (std::size_t at = 0; at < length;) {
        if (in[at] == '%' && length - at >= 3) {
            const int high = hex_value(in[at + 1]);
            const int low = hex_value(in[at + 2]);
            if (high >= 0 && low >= 0) {
                out[written++] = static_cast<char>(high << 4 | low);
                at += 3;
                continue;
            }
            if (wide && (in[at + 1] | 0x20) == 'u' && length - at >= 6) {
                const int byte = wide_escape(in + at + 2);
                if (byte >= 0) {
                    out[written++] = static_cast<char>(byte);
                    at += 6;
                    continue;
                }
            }
        }
        out[written++] = in[at++];
    }
    return written;
}

// Overlong UTF-8 of two or three bytes hides ASCII from naive filters (c0 af is '/'): shows it in place.
std::size_t decode_overlong(char* text, std::size_t length) noexcept {
    const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
    const auto continues = [&](std::size_t at) { return at < length && (byte(at) & 0xc0) == 0x80; };
    std::size_t written = 0;
    for (std::size_t at = 0; at < length;) {
        if ((byte(at) & 0xfe) == 0xc0 && continues(at + 1)) {
            text[written++] = static_cast<char>((byte(at) & 1) << 6 | (byte(at + 1) & 0x3f));
            at += 2;
        } else if (byte(at) == 0xe0 && continues(at + 1) && (byte(at + 1) & 0xfe) == 0x80 &&
                   continues(at + 2)) {
            text[written++] = static_cast<char>((byte(at + 1) & 1) << 6 | (byte(at + 2) & 0x3f));
            at += 3;
        } else {
            text[written++] = text[at++];
        }
    }
    return written;
}

std::size_t collapse_slashes(char* path, std::size_t length) noexcept {
    std::size_t written = 0;
    for (std::size_t at = 0; at < length; ++at) {
        if (path[at] == '/' && written > 0 && path[written - 1] == '/') {
            continue;
        }
        path[written++] = path[at];
    }
    return written;
}

// RFC 3986 §5.2.4 in place: the written part never overtakes what is still to be read.
std::size_t remove_dot_segments(char* path, std::size_t length) noexcept {
    std::size_t written = 0;
    std::size_t at = 0;
    const auto pop_segment = [&] {
        while (written > 0 && path[--written] != '/') {
        }
    };
    while (at < length) {
        const std::string_view rest(path + at, length - at);
        if (rest.starts_with("../")) {
            at += 3;
        } else if (rest.starts_with("./") || rest.starts_with("/./")) {
            at += 2;
        } else if (rest.starts_with("/../")) {
            at += 3;
            pop_segment();
        } else if (rest == "/." || rest == "/..") {
            if (rest.size() == 3) {
                pop_segment();
            }
            path[written++] = '/';
            at = length;
        } else if (rest == "." || rest == "..") {
            at = length;
        } else {
            do {
                path[written++] = path[at++];
            } while (at < length && path[at] != '/');
        }
    }
    return written;
}

std::size_t normalize_path(std::string_view raw, bool snort, char* out) noexcept {
    std::size_t length = decode_percent(raw.data(), raw.size(), out, !snort);
    if (snort) {
        length = decode_percent(out, length, out, false);
        std::replace(out, out + length, '+', ' ');
    }
    length = decode_overlong(out, length);
    std::replace(out, out + length, '\\', '/');
    length = collapse_slashes(out, length);
    return remove_dot_segments(out, length);
}

std::size_t normalize_query(std::string_view raw, bool snort, char* out) noexcept {
    std::size_t length = decode_percent(raw.data(), raw.size(), out, false);
    if (snort) {
        length = decode_percent(out, length, out, false);
        std::replace(out, out + length, '+', ' ');
        std::replace(out, out + length, '\\', '/');
    }
    return length;
}

// What normalising may change: bytes that are decoded or replaced, bytes above ASCII (overlong forms), and
// "//" and "/.", of which the next byte may be in the next block: a slash is looked at again there.
class UnusualBytes {
  public:
    explicit UnusualBytes(bool snort) noexcept : plus_(_mm_set1_epi8(snort ? '+' : '%')) {}

    [[nodiscard]] bool in(const char* place) const noexcept {
        const __m128i bytes = load(place);
        const __m128i odd = _mm_or_si128(_mm_or_si128(equal(bytes, '%'), equal(bytes, '\\')),
                                         _mm_or_si128(_mm_cmpeq_epi8(bytes, plus_), bytes));
        const __m128i slashes = equal(bytes, '/');
        const __m128i dots = equal(bytes, '.');
        const auto before = static_cast<unsigned>(_mm_movemask_epi8(slashes));
        const auto after = static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(slashes, dots)));
        return _mm_movemask_epi8(odd) != 0 || (before << 1 & after) != 0;
    }

  private:
    static __m128i load(const char* place) noexcept {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(place));
    }
    static __m128i equal(__m128i bytes, char byte) noexcept {
        return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte));
    }

    __m128i plus_;
};

}  // namespace

// PERF: 16 bytes at a time, blocks overlapping by one.
bool is_normal_uri(std::string_view raw, api::Dialect dialect) noexcept {
    const UnusualBytes unusual(dialect != api::Dialect::suricata);
    if (raw.size() < 16) {
        std::array<char, 16> padded{};
        std::copy(raw.begin(), raw.end(), padded.begin());
        return raw.starts_with('/') && !unusual.in(padded.data());
    }
    if (raw.front() != '/') {
        return false;
    }
    std::size_t at = 0;
    for (; at + 16 < raw.size(); at += 15) {
        if (unusual.in(raw.data() + at)) {
            return false;
        }
    }
    return !unusual.in(raw.data() + raw.size() - 16);
}

bool is_normal_body(std::string_view raw, api::Dialect dialect) noexcept {
    return dialect == api::Dialect::suricata || raw.find_first_of("%+\\") == std::string_view::npos;
}

std::size_t normalize_body(std::string_view raw, api::Dialect dialect, std::span<char> out) noexcept {
    if (is_normal_body(raw, dialect)) {
        std::ranges::copy(raw, out.begin());
        return raw.size();
    }
    return normalize_query(raw, true, out.data());
}

std::size_t normalize_uri(std::string_view raw, api::Dialect dialect, std::span<char> out) noexcept {
    const bool snort = dialect != api::Dialect::suricata;
    const std::size_t authority = authority_length(raw);
    const std::string_view target = raw.substr(authority);
    const std::size_t mark = target.find('?');
    const std::string_view path = target.substr(0, mark);

    std::size_t length = normalize_path(path, snort, out.data());
    if (length == 0 && authority > 0) {
        out[length++] = '/';
    }
    if (mark != std::string_view::npos) {
        out[length++] = '?';
        length += normalize_query(target.substr(mark + 1), snort, out.data() + length);
    }
    return length;
}

}  // namespace picket::http
