// What the `device` of a [[port]] names: text only, no device is touched.
//
// Thread safety: pure functions. A Device is a plain value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace picket::config {

enum class DeviceKind : std::uint8_t { pci, af_xdp, af_packet, memif, vdev, pcap };

struct Device {
    DeviceKind kind = DeviceKind::vdev;
    std::string text;    // as the data plane takes it; the FILE of pcap: made absolute
    std::string target;  // PCI address, interface, socket path, virtual device's name, or file
};

// True and `device` filled, or false and `why` says what is wrong, `remedy` what to write.
// Relative files of pcap: are taken from `directory`.
[[nodiscard]] bool parse_device(std::string_view text, std::string_view directory, Device& device,
                                std::string& why, std::string& remedy);

}  // namespace picket::config
