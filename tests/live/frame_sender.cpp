#include "tests/live/frame_sender.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <array>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <thread>

namespace picket::live {
namespace {

constexpr std::uint16_t frame_bytes_min = 60;
constexpr std::uint16_t frame_bytes_range = 1341;

// Ethernet, IPv4 and UDP, the fields that vary in place.
void write_frame(std::uint8_t* data, std::uint16_t bytes, std::uint64_t number) {
    constexpr std::array<std::uint8_t, 42> header = {2,    0, 0,   0, 0, 1, 2, 0, 0,    0,    0, 2, 8,  0,
                                                     0x45, 0, 0,   0, 0, 0, 0, 0, 64,   17,   0, 0, 10, 0,
                                                     0,    0, 192, 0, 2, 7, 0, 0, 0x69, 0x83, 0, 0, 0,  0};
    std::memset(data, 0, bytes);
    std::memcpy(data, header.data(), header.size());
    const auto ip_bytes = static_cast<std::uint16_t>(bytes - 14);
    data[16] = static_cast<std::uint8_t>(ip_bytes >> 8);
    data[17] = static_cast<std::uint8_t>(ip_bytes & 255);
    data[29] = static_cast<std::uint8_t>(1 + number % 200);
    data[34] = static_cast<std::uint8_t>(4 + number % 16);
    const auto udp_bytes = static_cast<std::uint16_t>(ip_bytes - 20);
    data[38] = static_cast<std::uint8_t>(udp_bytes >> 8);
    data[39] = static_cast<std::uint8_t>(udp_bytes & 255);
}

}  // namespace

FrameSender::FrameSender(const std::string& ethdev) {
    constexpr unsigned buffers = 8191;
    pool_ = rte_pktmbuf_pool_create("frame_sender", buffers, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    if (pool_ == nullptr || rte_eth_dev_get_port_by_name(ethdev.c_str(), &port_) != 0) {
        throw std::runtime_error(ethdev + ": no such ethdev, or no memory to send with");
    }
}

// The pool stays: frames may still lie in rings, and the process ends with it.
FrameSender::~FrameSender() = default;

std::uint64_t FrameSender::send(std::uint64_t count) {
    using Clock = std::chrono::steady_clock;
    constexpr std::chrono::seconds patience(2);
    std::uint64_t sent = 0;
    auto progress = Clock::now();
    while (sent < count && Clock::now() - progress < patience) {
        rte_mbuf* mbuf = rte_pktmbuf_alloc(pool_);
        if (mbuf == nullptr) {
            std::this_thread::yield();
            continue;
        }
        const auto bytes = static_cast<std::uint16_t>(frame_bytes_min + number_ % frame_bytes_range);
        write_frame(reinterpret_cast<std::uint8_t*>(rte_pktmbuf_append(mbuf, bytes)), bytes, number_);
        if (rte_eth_tx_burst(port_, 0, &mbuf, 1) == 0) {
            rte_pktmbuf_free(mbuf);
            std::this_thread::yield();
            continue;
        }
        ++sent;
        ++number_;
        bytes_ += bytes;
        progress = Clock::now();
    }
    return sent;
}

}  // namespace picket::live
