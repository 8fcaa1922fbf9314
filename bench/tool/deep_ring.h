// The rings behind a net_ring device, deeper than the 1,024 frames that its driver makes: a virtual machine
// stands still for longer than so few frames last.
//
// Make it by the main thread while the Eal lives, before the device is opened; the device must be closed
// before it goes.
#pragma once

#include <string>
#include <vector>

struct rte_ring;

namespace picket::bench {

class DeepRing {
  public:
    // frames: a power of two, for the first queue. Throws SetupError.
    explicit DeepRing(unsigned frames);
    ~DeepRing();
    DeepRing(const DeepRing&) = delete;
    DeepRing& operator=(const DeepRing&) = delete;

    // As in a port's `device`, and its DPDK name.
    [[nodiscard]] static std::string device();
    [[nodiscard]] static std::string ethdev();

  private:
    std::vector<rte_ring*> rings_;
};

}  // namespace picket::bench
