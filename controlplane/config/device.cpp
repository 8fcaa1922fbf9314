#include "controlplane/config/device.h"

#include <algorithm>
#include <cctype>

namespace picket::config {
namespace {

constexpr const char* forms =
    "write a PCI address (0000:3b:00.0), af_xdp:INTERFACE, af_packet:INTERFACE, memif:/PATH, "
    "vdev:NAME,ARGUMENTS or pcap:FILE";

// Linux' IFNAMSIZ with its terminating zero, sun_path of a unix socket, and PortArea::device of the contract.
constexpr std::size_t interface_name_bytes_max = 15;
constexpr std::size_t socket_path_bytes_max = 107;
constexpr std::size_t device_bytes_max = 255;

bool all_hex(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
}

// [domain:]bus:device.function, hexadecimal digits 4, 2, 2, 1.
bool is_pci_address(std::string_view text) {
    if (std::count(text.begin(), text.end(), ':') == 2) {
        if (text.size() < 5 || text[4] != ':' || !all_hex(text.substr(0, 4))) return false;
        text.remove_prefix(5);
    }
    return text.size() == 7 && text[2] == ':' && text[5] == '.' && all_hex(text.substr(0, 2)) &&
           all_hex(text.substr(3, 2)) && text[6] >= '0' && text[6] <= '7';
}

bool is_interface_name(std::string_view name) {
    return !name.empty() && name.size() <= interface_name_bytes_max && name != "." && name != ".." &&
           std::all_of(name.begin(), name.end(), [](unsigned char c) {
               return std::isgraph(c) != 0 && c != '/' && c != ':' && c != ',';
           });
}

bool check_target(Device& device, std::string_view directory, std::string& why, std::string& remedy) {
    switch (device.kind) {
        case DeviceKind::af_xdp:
        case DeviceKind::af_packet:
            why = "\"" + device.target + "\" is not the name of a network interface";
            remedy = "give a name that 'ip link' shows, at most 15 characters";
            return is_interface_name(device.target);
        case DeviceKind::memif:
            why = "the socket of a memif port needs an absolute path of at most 107 characters, no commas";
            remedy = "write memif:/run/picket/memif.sock";
            return device.target.starts_with('/') && device.target.size() <= socket_path_bytes_max &&
                   device.target.find(',') == std::string::npos;
        case DeviceKind::vdev:
            why = "names no DPDK virtual device";
            remedy = "write vdev:NAME,ARGUMENTS, as in vdev:net_null0,size=64";
            return !device.target.empty();
        case DeviceKind::pcap:
            why = "names no capture file";
            remedy = "write pcap:/path/of/a.pcap";
            if (device.target.empty()) return false;
            if (!device.target.starts_with('/')) {
                device.target = std::string(directory) + "/" + device.target;
                device.text = "pcap:" + device.target;
            }
            return true;
        case DeviceKind::pci:
            break;
    }
    return true;
}

}  // namespace

bool parse_device(std::string_view text, std::string_view directory, Device& device, std::string& why,
                  std::string& remedy) {
    device.text = text;
    if (text.empty()) {
        why = "is empty";
        remedy = forms;
        return false;
    }
    if (is_pci_address(text)) {
        device.kind = DeviceKind::pci;
        device.target = text;
        return true;
    }
    const std::size_t colon = text.find(':');
    const std::string_view kind = text.substr(0, colon);
    const std::string_view rest =
        colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
    device.target = rest;
    if (kind == "af_xdp") {
        device.kind = DeviceKind::af_xdp;
    } else if (kind == "af_packet") {
        device.kind = DeviceKind::af_packet;
    } else if (kind == "memif") {
        device.kind = DeviceKind::memif;
    } else if (kind == "vdev") {
        device.kind = DeviceKind::vdev;
        device.target = rest.substr(0, rest.find(','));
    } else if (kind == "pcap") {
        device.kind = DeviceKind::pcap;
    } else {
        why = "\"" + std::string(text) + "\" is not a device that Picket knows";
        remedy = forms;
        return false;
    }
    if (!check_target(device, directory, why, remedy)) return false;
    why = "is longer than " + std::to_string(device_bytes_max) + " characters";
    remedy = "use a shorter path";
    return device.text.size() <= device_bytes_max;
}

}  // namespace picket::config
