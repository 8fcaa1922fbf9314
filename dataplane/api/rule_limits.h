// At which cost the data plane gives the judgement of a rule up. The control plane tries patterns under the
// same bounds before they are loaded (picket rule check).
#pragma once

#include <cstddef>
#include <cstdint>

namespace picket::api {

inline constexpr std::uint32_t pcre_match_limit = 100'000;  // PCRE2: calls of its matching function
inline constexpr std::uint32_t pcre_depth_limit = 1'000;
inline constexpr std::size_t pcre_stack_bytes = 64 * 1024;  // of its compiled patterns, at first
inline constexpr std::size_t pcre_stack_bytes_max = 256 * 1024;

}  // namespace picket::api
