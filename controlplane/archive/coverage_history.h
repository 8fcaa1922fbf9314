// How much of a time before the present data plane the archive can speak for.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "controlplane/archive/event_columns.h"
#include "controlplane/archive/manifest.h"

namespace picket::archive {

// Nanoseconds of [begin, end) that lie in no session.
[[nodiscard]] std::uint64_t blind_ns(std::span<const Session> sessions, std::uint64_t begin_ns,
                                     std::uint64_t end_ns) noexcept;

}  // namespace picket::archive
