// Bytes from the wire as printable ASCII.
#pragma once

#include <string>
#include <string_view>

namespace picket::exporter {

// Printable ASCII stays, every other byte becomes \xHH (a backslash stays itself).
std::string escape_bytes(std::string_view bytes);

std::string hex_bytes(const unsigned char* bytes, std::size_t length);

}  // namespace picket::exporter
