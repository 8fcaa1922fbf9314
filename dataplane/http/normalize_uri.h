// The request target, and the body, as rules see them: decoded and simplified as the chosen engine would.
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
// In all dialects:
// - scheme and authority of an absolute target are removed (RFC 9112 §3.2.2), an empty path becomes "/";
// - the query is split off at the first '?', before anything is decoded;
// - valid %XX are decoded in path and query, an invalid %-sequence stays as it is;
// - in the path, overlong UTF-8 forms of ASCII characters (c0 af) become that character, '\' becomes '/',
//   runs of '/' become one, and dot segments are removed (RFC 3986 §5.2.4).
// suricata: %u00XX and the full-width forms %uff01 to %uff5e are decoded in the path.
// snort3, snort2: a %XX that decoding brings about is decoded once more; '+' becomes a space in path and
// query, and '\' becomes '/' in the query too.
std::size_t normalize_uri(std::string_view raw, api::Dialect dialect, std::span<char> out) noexcept;

// The bytes of a body as rules see them: in snort3 and snort2 as a query is, in suricata as they are. The
// same bounds as above.
std::size_t normalize_body(std::string_view raw, api::Dialect dialect, std::span<char> out) noexcept;
// True if it would return raw as it is.
[[nodiscard]] bool is_normal_body(std::string_view raw, api::Dialect dialect) noexcept;

// True only if normalize_uri() would return raw as it is. False for few texts of which that holds as well.
[[nodiscard]] bool is_normal_uri(std::string_view raw, api::Dialect dialect) noexcept;

}  // namespace picket::http
