// From a device string to an ethdev port: the arguments that DPDK's driver wants, and the checks that can say
// in a sentence why a device will not open, before a driver fails with a number.
//
// Internal to DpdkPort; same thread rules.
#pragma once

#include <cstdint>
#include <string>

#include "dataplane/rx/device_spec.h"

namespace picket::rx {

struct DevicePlan {
    std::string name;               // of DPDK's device
    std::string arguments;          // for its driver; unused for PCI
    std::uint16_t queues = 0;       // that the device must have; 0: its own limit
    std::uint32_t frame_bytes = 0;  // room that a packet buffer must have; 0: the default
};

// Checks that the device is there and permitted. xdp_object: path of the XDP program, for af_xdp.
// Throws SetupError.
[[nodiscard]] DevicePlan plan_device(const DeviceSpec& device, std::uint16_t port_index,
                                     const std::string& xdp_object);

// Gives the device to DPDK and returns its ethdev port number. Throws SetupError.
[[nodiscard]] std::uint16_t attach_device(const DeviceSpec& device, const DevicePlan& plan);

// For af_xdp and af_packet, whose drivers do not know: carrier, and speed in Mbit/s, 0 where unknown.
struct InterfaceLink {
    bool up = false;
    std::uint32_t speed_mbit = 0;
};
[[nodiscard]] InterfaceLink interface_link(const std::string& interface) noexcept;

}  // namespace picket::rx
