#include "dataplane/rx/dpdk_port_queue.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <ctime>

namespace picket::rx {
namespace {

// PERF: the kernel's vDSO reads the TSC and scales it to CLOCK_MONOTONIC without a system call (25 ns), once
// a burst that has frames; a calibration of our own would drift from the clock that everybody else reads.
std::uint64_t monotonic_ns() noexcept {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    constexpr std::uint64_t ns_per_second = 1'000'000'000;
    return static_cast<std::uint64_t>(now.tv_sec) * ns_per_second + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

DpdkQueue::DpdkQueue(std::uint16_t ethdev, std::uint16_t queue, std::uint16_t port_index, std::size_t burst,
                     std::atomic<std::uint64_t>& cut_short)
    : ethdev_(ethdev), queue_(queue), port_index_(port_index), mbufs_(burst), cut_short_(cut_short) {}

std::size_t DpdkQueue::receive(std::span<Frame> out) noexcept {
    const auto wanted = static_cast<std::uint16_t>(std::min(out.size(), mbufs_.size()));
    held_ = rte_eth_rx_burst(ethdev_, queue_, mbufs_.data(), wanted);
    if (held_ == 0) {
        return 0;
    }
    const std::uint64_t time_ns = monotonic_ns();
    for (std::uint16_t i = 0; i < held_; ++i) {
        fill(out[i], mbufs_[i], time_ns);
    }
    return held_;
}

void DpdkQueue::fill(Frame& frame, rte_mbuf* mbuf, std::uint64_t time_ns) noexcept {
    // Frames longer than a buffer come in pieces. What does not fit the first is left out, as in a capture
    // with a snap length: the frame is counted in full and its headers are read.
    if (mbuf->nb_segs > 1 && rte_pktmbuf_linearize(mbuf) != 0) [[unlikely]] {
        cut_short_.fetch_add(1, std::memory_order_relaxed);
    }
    frame = Frame{.data = rte_pktmbuf_mtod(mbuf, const std::uint8_t*),
                  .captured_length = mbuf->data_len,
                  .wire_length = mbuf->pkt_len,
                  .time_ns = time_ns,
                  .sequence = 0,
                  .port = port_index_,
                  .link_type = LinkType::ethernet};
}

void DpdkQueue::release() noexcept {
    rte_pktmbuf_free_bulk(mbufs_.data(), held_);
    held_ = 0;
}

}  // namespace picket::rx
