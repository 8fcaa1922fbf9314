// Points in time and durations as users write and read them. All times are nanoseconds of UTC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace picket::store {

// RFC 3339 in UTC with microseconds: 2003-08-22T19:09:54.000000Z.
std::string format_time(std::uint64_t utc_ns);

// Understands RFC 3339 (a missing zone means UTC, the time of day may be missing), a bare HH:MM[:SS[.f]]
// as its latest occurrence that is not after now, "now", and -2h, -90s, -10m, -3d as relative to now.
std::optional<std::uint64_t> parse_time(std::string_view text, std::uint64_t now_ns);

// 90s, 10m, 1h, 1d, 500ms; a bare number means seconds. More than 0, at most 10 years.
std::optional<std::uint64_t> parse_duration(std::string_view text);

}  // namespace picket::store
