// Sends generated frames out of an ethdev that a DpdkPort of this process has opened: the other side of tests
// over memif and rings. Used from one thread.
#pragma once

#include <cstdint>
#include <string>

struct rte_mempool;

namespace picket::live {

class FrameSender {
  public:
    // ethdev: its DPDK name, e.g. net_ring0.
    explicit FrameSender(const std::string& ethdev);
    ~FrameSender();
    FrameSender(const FrameSender&) = delete;
    FrameSender& operator=(const FrameSender&) = delete;

    // Sends up to `count` UDP frames of 60 to 1,400 bytes and returns how many the device took; gives up on
    // one that takes nothing for two seconds.
    [[nodiscard]] std::uint64_t send(std::uint64_t count);
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

  private:
    std::uint16_t port_ = 0;
    rte_mempool* pool_ = nullptr;
    std::uint64_t number_ = 0;
    std::uint64_t bytes_ = 0;
};

}  // namespace picket::live
