// The request target as rules see it: decoded and simplified as the chosen engine would.
//
// A pure function: no state, no allocation, thread-safe.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "dataplane/api/rule_blob.h"

namespace picket::http {

// Writes the normalised form of raw to out and returns its length, never more than raw.size().
// REQUIRES out.size() >= raw.size(), and that the two do not overlap. Any bytes are safe.
//
// In all dialects: the scheme and authority of an absolute target are removed (RFC 9112 §3.2.2), the query
// is split off at the first '?', valid %XX are decoded in both parts, and in the path runs of '/' become one
// and dot segments are removed (RFC 3986 §5.2.4). An invalid %-sequence stays as it is.
// snort3, snort2: a %XX that results from decoding is decoded once more, '\' becomes '/' in the path, and
// '+' becomes a space in the query.
std::size_t normalize_uri(std::string_view raw, api::Dialect dialect, std::span<char> out) noexcept;

}  // namespace picket::http
