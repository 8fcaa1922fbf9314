// Hosts for tests of scan detection.
#pragma once

#include <cstdint>
#include <string>

#include "controlplane/store/address_text.h"

namespace picket::tests {

// Of 203.0.0.0/16, without bytes that are 0 at their end.
inline api::Address scanned_host(unsigned number) {
    return *store::parse_address("203.0." + std::to_string(number / 250) + "." +
                                 std::to_string(number % 250 + 1));
}

}  // namespace picket::tests
