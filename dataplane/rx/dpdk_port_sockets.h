// The sockets that DPDK's af_xdp and af_packet drivers opened for a port, asked for the drops that those
// drivers do not report: af_packet's not at all, AF_XDP's full rings not (measured with 22.11).
//
// Internal to DpdkPort; same thread rules. The drivers own the sockets and close them.
#pragma once

#include <cstdint>
#include <vector>

namespace picket::rx {

class PortSockets {
  public:
    // Remembers what is open already. Make it before the driver opens its sockets…
    PortSockets();
    // … and call this after: every packet socket opened since belongs to the port.
    void find();

    // Frames that the kernel dropped because a ring was full or no buffer was free, since find().
    [[nodiscard]] std::uint64_t dropped() noexcept;

  private:
    std::vector<int> before_;
    std::vector<int> xdp_;
    std::vector<int> packet_;
    std::uint64_t packet_dropped_ = 0;  // the kernel forgets at each reading
};

}  // namespace picket::rx
