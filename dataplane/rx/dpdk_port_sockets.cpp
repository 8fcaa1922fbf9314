#include "dataplane/rx/dpdk_port_sockets.h"

#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace picket::rx {
namespace {

int domain_of(int fd) noexcept {
    int domain = 0;
    socklen_t length = sizeof domain;
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 ? domain : 0;
}

// All sockets of this process that receive raw frames.
std::vector<int> frame_sockets() {
    std::vector<int> found;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", ignored)) {
        const int fd = std::atoi(entry.path().filename().c_str());
        if (const int domain = domain_of(fd); domain == AF_XDP || domain == AF_PACKET) {
            found.push_back(fd);
        }
    }
    return found;
}

}  // namespace

PortSockets::PortSockets() : before_(frame_sockets()) {}

void PortSockets::find() {
    for (const int fd : frame_sockets()) {
        if (std::find(before_.begin(), before_.end(), fd) == before_.end()) {
            (domain_of(fd) == AF_XDP ? xdp_ : packet_).push_back(fd);
        }
    }
}

std::uint64_t PortSockets::dropped() noexcept {
    for (const int fd : packet_) {
        tpacket_stats stats{};
        socklen_t length = sizeof stats;
        if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &length) == 0) {
            packet_dropped_ += stats.tp_drops;
        }
    }
    std::uint64_t sum = packet_dropped_;
    for (const int fd : xdp_) {
        xdp_statistics stats{};
        socklen_t length = sizeof stats;
        if (getsockopt(fd, SOL_XDP, XDP_STATISTICS, &stats, &length) == 0) {
            sum += stats.rx_dropped + stats.rx_ring_full;
        }
    }
    return sum;
}

}  // namespace picket::rx
