// The keys that the flow table and its baseline are asked for: those of the flows 0 to n, in batches.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/flow/flow_key.h"

namespace picket::bench {

inline constexpr std::size_t batch_keys = 32;

inline flow::FlowKey key_of(std::uint32_t number) {
    flow::FlowKey key;
    key.address_a = number;
    key.address_b = 0xc0000201;
    key.port_a = 1024;
    key.port_b = 80;
    key.protocol = 6;
    key.family = 4;
    return key;
}

}  // namespace picket::bench
