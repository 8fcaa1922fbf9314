// Sends traffic out of an ethdev at a rate. What the device does not take at once is missed, as frames are
// that find a NIC's receive ring full. No rte_* type shows here.
//
// Made by the main thread while the Eal lives; send() runs on a DPDK thread of its own. Frames may still lie
// in the device when a sender goes: destroy it after the ports.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "bench/tool/traffic_source.h"
#include "bench/tool/tsc_clock.h"

struct rte_mempool;

namespace picket::bench {

struct Sent {
    std::uint64_t frames = 0;  // made
    std::uint64_t taken = 0;   // by the device
    std::uint64_t bytes = 0;   // of those
    std::uint64_t missed = 0;
    std::uint64_t source_cycles = 0;  // for making them
    double seconds = 0;
};

class PortSender {
  public:
    // ethdev: its DPDK name, e.g. net_memif9, started with a transmit queue. held: frames that it holds at
    // most. Throws SetupError.
    PortSender(const std::string& ethdev, unsigned held);
    ~PortSender();
    PortSender(const PortSender&) = delete;
    PortSender& operator=(const PortSender&) = delete;

    // mpps 0: as fast as frames can be made. between() is called about every thousand frames.
    [[nodiscard]] Sent send(TrafficSource& source, double mpps, double seconds, const TscClock& clock,
                            const std::function<void()>& between) noexcept;

  private:
    std::uint16_t port_ = 0;
    rte_mempool* pool_ = nullptr;
};

}  // namespace picket::bench
