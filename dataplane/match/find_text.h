// Finding short texts in short texts.
//
// Pure functions; nothing is read outside of the views.
#pragma once

#include <cstddef>
#include <string_view>

namespace picket::match {

// Where the first occurrence of needle begins, npos if there is none. REQUIRES: needle is not empty.
std::size_t find_bytes(std::string_view text, std::string_view needle) noexcept;

// Likewise, ASCII letters of both cases alike. REQUIRES: needle is in lower case.
std::size_t find_caseless(std::string_view text, std::string_view needle) noexcept;

}  // namespace picket::match
