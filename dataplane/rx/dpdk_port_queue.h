// One receive queue of a DPDK port as a RxQueue. Internal to DpdkPort. Polled by one worker; cut_short() may
// be read from any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/rx/frame.h"

struct rte_mbuf;

namespace picket::rx {

class alignas(64) DpdkQueue final : public RxQueue {
  public:
    // cut_short: counter shared by the port's queues, outlives them.
    DpdkQueue(std::uint16_t ethdev, std::uint16_t queue, std::uint16_t port_index, std::size_t burst,
              std::atomic<std::uint64_t>& cut_short);
    ~DpdkQueue() override { release(); }
    DpdkQueue(const DpdkQueue&) = delete;
    DpdkQueue& operator=(const DpdkQueue&) = delete;

    std::size_t receive(std::span<Frame> out) noexcept override;
    void release() noexcept override;

  private:
    void fill(Frame& frame, rte_mbuf* mbuf, std::uint64_t time_ns) noexcept;

    std::uint16_t ethdev_;
    std::uint16_t queue_;
    std::uint16_t port_index_;
    std::uint16_t held_ = 0;  // mbufs of the burst that is out
    std::vector<rte_mbuf*> mbufs_;
    std::atomic<std::uint64_t>& cut_short_;
};

}  // namespace picket::rx
