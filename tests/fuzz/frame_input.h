// Link type and settings of a frame, as the inputs of more than one fuzzer give them.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/rx/frame.h"

namespace picket::fuzz {

// In the order of seeds.py; the last one is none that we know.
inline constexpr std::array<rx::LinkType, 12> link_types{
    rx::LinkType::ethernet, rx::LinkType::null,       rx::LinkType::ppp,    rx::LinkType::raw_ip_12,
    rx::LinkType::raw_ip,   rx::LinkType::c_hdlc,     rx::LinkType::loop,   rx::LinkType::linux_sll,
    rx::LinkType::ipv4,     rx::LinkType::linux_sll2, rx::LinkType{0x3039}, rx::LinkType::ipv6};

inline rx::LinkType link_type_of(std::uint8_t byte) noexcept {
    return link_types[byte % link_types.size()];
}

}  // namespace picket::fuzz
