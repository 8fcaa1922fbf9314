#include "dataplane/rx/dpdk_port_device.h"

#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "dataplane/api/setup_error.h"
#include "dataplane/rx/eal_log.h"

namespace picket::rx {
namespace {

constexpr const char* needed_rights =
    "run as root, or give the program CAP_NET_ADMIN and CAP_NET_RAW (af_xdp: CAP_BPF and CAP_IPC_LOCK too)";

// Ethernet header, two VLAN tags and some room for what a driver prepends.
constexpr std::uint32_t frame_overhead_bytes = 256;

// A socket that only serves to ask the kernel about interfaces, and closes itself.
class ControlSocket {
  public:
    ControlSocket() : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}
    ~ControlSocket() {
        if (fd_ >= 0) {
            close(fd_);
        }
    }
    ControlSocket(const ControlSocket&) = delete;
    ControlSocket& operator=(const ControlSocket&) = delete;

    [[nodiscard]] bool ask(unsigned long request, const std::string& interface,
                           ifreq& answer) const noexcept {
        std::strncpy(answer.ifr_name, interface.c_str(), sizeof answer.ifr_name - 1);
        return fd_ >= 0 && ioctl(fd_, request, &answer) == 0;
    }

  private:
    int fd_;
};

std::uint32_t interface_mtu(const std::string& interface) {
    ifreq request{};
    constexpr std::uint32_t usual = 1500;
    return ControlSocket().ask(SIOCGIFMTU, interface, request) ? static_cast<std::uint32_t>(request.ifr_mtu)
                                                               : usual;
}

bool is_physical(const std::string& interface) {
    return std::filesystem::exists("/sys/class/net/" + interface + "/device");
}

// Receive queues of an interface. AF_XDP's driver opens "combined" channels only; a frame on a queue that it
// does not open would pass by.
std::uint16_t interface_queues(const DeviceSpec& device) {
    ethtool_channels channels{};
    channels.cmd = ETHTOOL_GCHANNELS;
    ifreq request{};
    request.ifr_data = reinterpret_cast<char*>(&channels);
    if (!ControlSocket().ask(SIOCETHTOOL, device.target, request)) {
        return 1;  // the driver knows no channels
    }
    if (channels.max_combined == 0 && channels.rx_count > 1) {
        throw SetupError(device.text,
                         "the interface spreads packets over " + std::to_string(channels.rx_count) +
                             " receive-only queues, and DPDK's AF_XDP driver can open one",
                         "use one queue ('ethtool -L " + device.target + " rx 1')");
    }
    return static_cast<std::uint16_t>(std::max(1U, channels.combined_count));
}

void check_interface(const DeviceSpec& device) {
    if (if_nametoindex(device.target.c_str()) == 0) {
        throw SetupError(device.text, "there is no such interface", "name one that 'ip link' shows");
    }
    const int domain = device.kind == DeviceKind::af_xdp ? AF_XDP : AF_PACKET;
    const int fd = socket(domain, SOCK_RAW | SOCK_CLOEXEC, 0);
    const int code = errno;
    if (fd >= 0) {
        close(fd);
        return;
    }
    const bool forbidden = code == EPERM || code == EACCES;
    throw SetupError(device.text, std::string("no permission to open the port: ") + std::strerror(code),
                     forbidden ? needed_rights : "use a kernel with AF_XDP and AF_PACKET sockets");
}

// Loading a program needs more than opening its socket.
void check_bpf_rights(const DeviceSpec& device) {
    constexpr std::uint64_t net_admin = 1ULL << 12;
    constexpr std::uint64_t sys_admin = 1ULL << 21;
    constexpr std::uint64_t bpf = 1ULL << 39;
    std::ifstream status("/proc/self/status");
    std::string word;
    while (status >> word && word != "CapEff:") {
    }
    if (!(status >> word)) {
        return;
    }
    const std::uint64_t effective = std::strtoull(word.c_str(), nullptr, 16);
    if ((effective & net_admin) == 0 || (effective & (sys_admin | bpf)) == 0) {
        throw SetupError(device.text, "no permission to open the port: an XDP program cannot be attached",
                         needed_rights);
    }
}

DevicePlan plan_af_xdp(const DeviceSpec& device, const std::string& name, const std::string& xdp_object) {
    check_interface(device);
    check_bpf_rights(device);
    DevicePlan plan{.name = name, .arguments = {}, .queues = interface_queues(device), .frame_bytes = 0};
    // The driver keeps a buffer, its header and the kernel's headroom within a page.
    constexpr std::uint32_t frame_bytes_max = 3072;
    const std::uint32_t frame_bytes = interface_mtu(device.target) + frame_overhead_bytes;
    if (frame_bytes > frame_bytes_max) {
        throw SetupError(device.text,
                         "an MTU of " + std::to_string(interface_mtu(device.target)) +
                             " does not fit the page that an AF_XDP buffer has",
                         "set it to at most " + std::to_string(frame_bytes_max - frame_overhead_bytes) +
                             " ('ip link set dev " + device.target +
                             " mtu …') or use af_packet:" + device.target);
    }
    // The kernel puts 256 bytes of its own before a frame.
    plan.frame_bytes = std::max<std::uint32_t>(frame_bytes + 256, 2048);
    plan.arguments = "iface=" + device.target + ",start_queue=0,queue_count=" + std::to_string(plan.queues) +
                     ",xdp_prog=" + xdp_object;
    if (!is_physical(device.target)) {
        // Busy polling costs a system call per empty poll and only serves a NIC's own interrupt handler.
        plan.arguments += ",busy_budget=0";
    }
    return plan;
}

DevicePlan plan_af_packet(const DeviceSpec& device, const std::string& name) {
    check_interface(device);
    constexpr std::uint32_t ring_bytes = 16U << 20;
    constexpr std::uint32_t block_bytes = 1U << 16;
    constexpr std::uint32_t slot_bytes_max = 1U << 15;  // a packet buffer's size is a 16-bit number
    const std::uint32_t slot_bytes = std::clamp<std::uint32_t>(
        std::bit_ceil(interface_mtu(device.target) + frame_overhead_bytes), 2048, slot_bytes_max);
    // One queue: with more the driver asks for PACKET_FANOUT_FLAG_DEFRAG, and fragments are evidence.
    return {.name = name,
            .arguments = "iface=" + device.target + ",qpairs=1,blocksz=" + std::to_string(block_bytes) +
                         ",framesz=" + std::to_string(slot_bytes) +
                         ",framecnt=" + std::to_string(ring_bytes / slot_bytes),
            .queues = 1,
            .frame_bytes = slot_bytes};
}

// A socket file whose owner is gone would keep the server from starting; one that answers is in use.
void clear_stale_socket(const DeviceSpec& device) {
    struct stat info {};
    if (stat(device.target.c_str(), &info) != 0) {
        return;
    }
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, device.target.c_str(), sizeof address.sun_path - 1);
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    const bool refused = fd >= 0 && S_ISSOCK(info.st_mode) &&
                         connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
                         errno == ECONNREFUSED;
    if (fd >= 0) {
        close(fd);
    }
    if (!refused) {
        throw SetupError(device.text, "the socket path is in use", "choose another path or end its owner");
    }
    unlink(device.target.c_str());
}

DevicePlan plan_memif(const DeviceSpec& device, const std::string& name) {
    const std::string directory = std::filesystem::path(device.target).parent_path().string();
    if (access(directory.c_str(), W_OK) != 0) {
        throw SetupError(device.text, "cannot make a socket in " + directory + ": " + std::strerror(errno),
                         "make the directory, writable by this user");
    }
    clear_stale_socket(device);
    return {
        .name = name,
        .arguments = "role=server,id=0,socket=" + device.target + ",socket-abstract=no,rsize=11,bsize=2048",
        .queues = 1,
        .frame_bytes = 0};
}

DevicePlan plan_pci(const DeviceSpec& device) {
    const std::filesystem::path directory = "/sys/bus/pci/devices/" + device.target;
    if (!std::filesystem::exists(directory)) {
        throw SetupError(device.text, "there is no such PCI device",
                         "see 'dpdk-devbind.py --status-dev net'");
    }
    return {.name = device.target, .arguments = {}, .queues = 0, .frame_bytes = 0};
}

std::string pci_driver(const std::string& address) {
    std::error_code none;
    const std::string driver =
        std::filesystem::read_symlink("/sys/bus/pci/devices/" + address + "/driver", none)
            .filename()
            .string();
    return none ? "no driver" : "the kernel driver " + driver;
}

}  // namespace

DevicePlan plan_device(const DeviceSpec& device, std::uint16_t port_index, const std::string& xdp_object) {
    const std::string number = std::to_string(port_index);
    switch (device.kind) {
        case DeviceKind::pci:
            return plan_pci(device);
        case DeviceKind::af_xdp:
            return plan_af_xdp(device, "net_af_xdp" + number, xdp_object);
        case DeviceKind::af_packet:
            return plan_af_packet(device, "net_af_packet" + number);
        case DeviceKind::memif:
            return plan_memif(device, "net_memif" + number);
        case DeviceKind::vdev:
            return {.name = device.target, .arguments = device.arguments, .queues = 0, .frame_bytes = 0};
        case DeviceKind::pcap:
            break;
    }
    throw SetupError(device.text, "is a capture file, not a live port", "");
}

std::uint16_t attach_device(const DeviceSpec& device, const DevicePlan& plan) {
    EalLogCapture log;
    std::uint16_t port = 0;
    if (device.kind == DeviceKind::pci) {
        // Probed at start: the Eal was given its address.
        if (rte_eth_dev_get_port_by_name(plan.name.c_str(), &port) != 0) {
            throw SetupError(device.text,
                             "is bound to " + pci_driver(device.target) + ", which DPDK cannot drive",
                             "bind it with 'dpdk-devbind.py -b vfio-pci " + device.target + "'");
        }
        return port;
    }
    if (rte_eth_dev_get_port_by_name(plan.name.c_str(), &port) == 0) {
        throw SetupError(device.text, "is opened twice", "name each device in one [[port]] only");
    }
    const int status = rte_eal_hotplug_add("vdev", plan.name.c_str(), plan.arguments.c_str());
    if (status != 0 || rte_eth_dev_get_port_by_name(plan.name.c_str(), &port) != 0) {
        const std::string cause =
            status < 0 ? rte_strerror(-status) : "DPDK has no network driver of that name";
        throw SetupError(device.text, "cannot be opened: " + cause + log.take(),
                         device.kind == DeviceKind::vdev
                             ? "check the name and arguments of the virtual device"
                             : "see docs/operations.md, section Ports");
    }
    return port;
}

InterfaceLink interface_link(const std::string& interface) noexcept {
    InterfaceLink link;
    const ControlSocket control;
    ifreq request{};
    if (control.ask(SIOCGIFFLAGS, interface, request)) {
        link.up = (request.ifr_flags & IFF_RUNNING) != 0;
    }
    ethtool_cmd settings{};
    settings.cmd = ETHTOOL_GSET;
    request.ifr_data = reinterpret_cast<char*>(&settings);
    if (control.ask(SIOCETHTOOL, interface, request)) {
        const std::uint32_t speed = ethtool_cmd_speed(&settings);
        link.speed_mbit = speed == static_cast<std::uint32_t>(SPEED_UNKNOWN) ? 0 : speed;
    }
    return link;
}

}  // namespace picket::rx
