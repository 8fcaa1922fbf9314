// What the `device` string of a [[port]] names: pure text handling, no device is touched.
//
// Forms: PCI address (0000:3b:00.0 or 3b:00.0) · af_xdp:IF · af_packet:IF · memif:/path · vdev:NAME[,args] ·
// pcap:FILE. Anything else is a SetupError with exit status 2. A DeviceSpec is a plain value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace picket::rx {

enum class DeviceKind : std::uint8_t { pci, af_xdp, af_packet, memif, vdev, pcap };

struct DeviceSpec {
    DeviceKind kind = DeviceKind::vdev;
    std::string text;       // as written in the configuration: what error messages name
    std::string target;     // PCI address with its domain, interface, socket path, vdev name or file
    std::string arguments;  // vdev only: what follows the name's comma

    bool operator==(const DeviceSpec&) const = default;
};

// Throws SetupError (exit status 2) with what is wrong and the form that is wanted.
[[nodiscard]] DeviceSpec parse_device(std::string_view text);

// "af_xdp", "pcap", …: as the configuration writes it.
[[nodiscard]] std::string_view name_of(DeviceKind kind) noexcept;

}  // namespace picket::rx
