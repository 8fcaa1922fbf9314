#include "dataplane/rx/device_spec.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "dataplane/api/setup_error.h"

namespace picket::rx {
namespace {

constexpr int usage_status = 2;
constexpr std::string_view forms =
    "write a PCI address (0000:3b:00.0), af_xdp:INTERFACE, af_packet:INTERFACE, memif:/PATH, "
    "vdev:NAME,ARGUMENTS or pcap:FILE";

// Linux' IFNAMSIZ with its terminating zero, and sun_path of a unix socket address.
constexpr std::size_t interface_name_bytes = 16;
constexpr std::size_t socket_path_bytes = 108;
// DPDK's RTE_DEV_NAME_MAX_LEN.
constexpr std::size_t vdev_name_bytes = 64;

std::string quoted(std::string_view text) {
    std::string result = "\"";
    result.append(text);
    return result += '"';
}

[[noreturn]] void refuse(std::string_view text, const std::string& cause,
                         const std::string& remedy = std::string(forms)) {
    throw SetupError("device " + quoted(text), cause, remedy, usage_status);
}

bool is_hex(std::string_view text, std::size_t digits) noexcept {
    return text.size() == digits && std::all_of(text.begin(), text.end(), [](unsigned char character) {
               return std::isxdigit(character) != 0;
           });
}

// [domain:]bus:device.function, all hexadecimal: 4, 2, 2 and 1 digits. Empty where text is none.
std::string pci_address(std::string_view text) {
    std::string full(text);
    if (std::count(text.begin(), text.end(), ':') == 1) {
        full.insert(0, "0000:");
    }
    if (full.size() != std::string_view("0000:3b:00.0").size() || full[4] != ':' || full[7] != ':' ||
        full[10] != '.') {
        return {};
    }
    const std::string_view view = full;
    if (!is_hex(view.substr(0, 4), 4) || !is_hex(view.substr(5, 2), 2) || !is_hex(view.substr(8, 2), 2) ||
        view[11] < '0' || view[11] > '7') {
        return {};
    }
    std::transform(full.begin(), full.end(), full.begin(),
                   [](unsigned char character) { return static_cast<char>(std::tolower(character)); });
    return full;
}

void check_interface(std::string_view text, std::string_view name) {
    if (name.empty()) {
        refuse(text, "names no interface");
    }
    const bool odd = std::any_of(name.begin(), name.end(), [](unsigned char character) {
        return std::isgraph(character) == 0 || character == '/' || character == ',' || character == ':';
    });
    if (name.size() >= interface_name_bytes || odd || name == "." || name == "..") {
        refuse(text, quoted(name) + " is not the name of a network interface",
               "give a name that 'ip link' shows, at most 15 characters");
    }
}

DeviceSpec parse_vdev(std::string_view text, std::string_view rest) {
    const std::size_t comma = rest.find(',');
    const std::string_view name = rest.substr(0, comma);
    const std::string_view arguments =
        comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    const bool odd = std::any_of(name.begin(), name.end(), [](unsigned char character) {
        return std::isalnum(character) == 0 && character != '_' && character != '-';
    });
    if (name.empty() || odd || name.size() >= vdev_name_bytes) {
        refuse(text, quoted(name) + " is not the name of a DPDK virtual device",
               "write vdev:NAME,ARGUMENTS, as in vdev:net_null0,size=64");
    }
    return {DeviceKind::vdev, std::string(text), std::string(name), std::string(arguments)};
}

DeviceSpec parse_memif(std::string_view text, std::string_view path) {
    if (path.empty() || path.front() != '/') {
        refuse(text, "the socket of a memif port needs an absolute path",
               "write memif:/run/picket/memif.sock");
    }
    if (path.size() >= socket_path_bytes || path.find(',') != std::string_view::npos) {
        refuse(text, "the socket path is too long for a unix socket or contains a comma",
               "choose a path of at most 107 characters without commas");
    }
    return {DeviceKind::memif, std::string(text), std::string(path), {}};
}

}  // namespace

DeviceSpec parse_device(std::string_view text) {
    if (text.empty()) {
        refuse(text, "is empty");
    }
    if (const std::string address = pci_address(text); !address.empty()) {
        return {DeviceKind::pci, std::string(text), address, {}};
    }
    const std::size_t colon = text.find(':');
    const std::string_view kind = text.substr(0, colon);
    const std::string_view rest =
        colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
    if (kind == "af_xdp" || kind == "af_packet") {
        check_interface(text, rest);
        return {kind == "af_xdp" ? DeviceKind::af_xdp : DeviceKind::af_packet,
                std::string(text),
                std::string(rest),
                {}};
    }
    if (kind == "memif") {
        return parse_memif(text, rest);
    }
    if (kind == "vdev") {
        return parse_vdev(text, rest);
    }
    if (kind == "pcap") {
        if (rest.empty()) {
            refuse(text, "names no capture file");
        }
        return {DeviceKind::pcap, std::string(text), std::string(rest), {}};
    }
    refuse(text, "is not a device that Picket knows");
}

std::string_view name_of(DeviceKind kind) noexcept {
    constexpr std::array<std::string_view, 6> names = {"pci", "af_xdp", "af_packet", "memif", "vdev", "pcap"};
    return names[static_cast<std::size_t>(kind)];
}

}  // namespace picket::rx
