#include "dataplane/match/request_shapes.h"

#include <emmintrin.h>

#include <algorithm>

namespace picket::match {

void RequestShapes::set(std::span<const RequestView> requests) noexcept {
    get_ = post_ = other_ = at_head_ = at_body_ = at_response_ = 0;
    for (std::size_t slot = 0; slot < requests.size(); ++slot) {
        const RequestView& request = requests[slot];
        const std::uint64_t bit = std::uint64_t{1} << slot;
        const MethodBit method = request.method == "GET"    ? method_get
                                 : request.method == "POST" ? method_post
                                                            : method_other;
        (method == method_get ? get_ : method == method_post ? post_ : other_) |= bit;
        methods_[slot] = method;
        phases_[slot] = static_cast<std::uint8_t>(request.phases & api::rule_phases);
        at_head_ |= (request.phases & api::rule_at_head) != 0 ? bit : 0;
        at_body_ |= (request.phases & api::rule_at_body) != 0 ? bit : 0;
        at_response_ |= (request.phases & api::rule_at_response) != 0 ? bit : 0;
        uri_lengths_[slot] = static_cast<std::int32_t>(request.normalized_uri.size());
        raw_lengths_[slot] = static_cast<std::int32_t>(request.raw_uri.size());
    }
}

std::uint64_t RequestShapes::within(const Lengths& lengths, const LengthBounds& bounds) noexcept {
    constexpr std::uint32_t length_max = INT32_MAX;
    if (bounds.min == 0 && bounds.max >= length_max) return ~std::uint64_t{0};
    if (bounds.min > length_max) return 0;
    const __m128i least = _mm_set1_epi32(static_cast<std::int32_t>(bounds.min));
    const __m128i most = _mm_set1_epi32(static_cast<std::int32_t>(std::min(bounds.max, length_max)));
    std::uint64_t outside = 0;
    for (std::size_t slot = 0; slot < slots_max; slot += 4) {
        const __m128i four = _mm_load_si128(reinterpret_cast<const __m128i*>(lengths.data() + slot));
        const __m128i wrong = _mm_or_si128(_mm_cmpgt_epi32(least, four), _mm_cmpgt_epi32(four, most));
        outside |= static_cast<std::uint64_t>(_mm_movemask_ps(_mm_castsi128_ps(wrong))) << slot;
    }
    return ~outside;
}

}  // namespace picket::match
