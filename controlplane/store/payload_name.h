// What the first payload bytes of a flow's direction are, by what published protocols begin with.
//
// A name says what the bytes look like, no more: anybody can send them. Only the bytes decide, and where they
// are few (DNS, NTP) the protocol's port beside them; so a query and its look-alike of the same size have
// different names.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "controlplane/store/stored_flow.h"

namespace picket::store {

inline constexpr std::size_t payload_none = 0;     // the direction has no payload, or it was not kept
inline constexpr std::size_t payload_unknown = 1;  // a foreign log's flow: it does not tell
inline constexpr std::size_t payload_other = 2;    // none of those that are known

// Index of the name of a direction's first bytes; 0 is to the responder. Stable within one version of Picket.
std::size_t payload_kind(const StoredFlow& flow, std::size_t direction) noexcept;

// "none", "unknown", "other", "GoldSrc info". REQUIRES: kind is of payload_kind().
std::string_view payload_kind_name(std::size_t kind) noexcept;

}  // namespace picket::store
