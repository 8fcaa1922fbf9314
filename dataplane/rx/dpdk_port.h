// One live port through DPDK: opened, configured, started, and its receive queues. No rte_* type shows here.
//
// Ownership: the data plane's main thread makes and destroys ports, while an Eal exists. A port must outlive
// the RxQueues it gave out; every worker has let go of its queues (has released its last burst and polls no
// more) before stop() or the destructor runs.
// Threads: each RxQueue belongs to one worker. Everything else, stats() included, is for the one
// housekeeping thread that made the port (rte_eth_stats_get must not be called concurrently).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "dataplane/rx/device_spec.h"
#include "dataplane/rx/frame.h"
#include "dataplane/xdp/count_program.h"

namespace picket::rx {

enum class RssWish : std::uint8_t {
    automatic,  // symmetric where the device can, else software
    symmetric,  // refuse to start where the device cannot
    software,   // do not rely on the device: workers hand packets over themselves
};

struct PortSettings {
    DeviceSpec device;
    std::string name;                  // for error messages
    std::uint16_t index = 0;           // in the configuration: Frame::port
    std::uint16_t queues = 1;          // wanted, usually the number of workers
    std::uint16_t descriptors = 2048;  // a queue; adjusted to what the device takes
    std::size_t burst = 64;            // largest span that receive() will be given
    RssWish rss = RssWish::automatic;
};

// Totals since the port was opened; they never go back. What a device cannot tell stays 0.
struct PortStats {
    std::uint64_t rx_packets = 0;  // as the device counts what it delivered
    std::uint64_t rx_bytes = 0;
    std::uint64_t missed = 0;   // no room in the receive ring: workers too slow
    std::uint64_t errors = 0;   // bad frames: checksum of the frame, too long for the buffer
    std::uint64_t no_mbuf = 0;  // packet buffers ran out
    bool link_up = false;
    std::uint32_t speed_mbit = 0;  // 0: unknown
    // af_xdp only: what our XDP program saw before anything could be lost, in all and by receive queue.
    std::optional<xdp::Counts> kernel;
    xdp::QueueCounts kernel_queues{};

    // Frames that the kernel counted for us and the device has not delivered: waiting in the ring, or lost.
    // Once traffic rests, all of them were lost, and missed names them.
    [[nodiscard]] std::uint64_t kernel_gap() const noexcept {
        return kernel ? kernel->packets - kernel->no_socket - rx_packets : 0;
    }
};

class DpdkPort {
  public:
    // Opens, configures and starts the device, promiscuous. Throws SetupError: exit status 3 where the device
    // is absent, busy or not permitted.
    explicit DpdkPort(const PortSettings& settings);
    ~DpdkPort();
    DpdkPort(const DpdkPort&) = delete;
    DpdkPort& operator=(const DpdkPort&) = delete;

    // Receive queues there are. Fewer than wanted where the device has no more, and more where all must be
    // polled lest packets pass by (af_xdp: one for each queue of the interface). The worker of queue n may be
    // n modulo workers.
    [[nodiscard]] std::uint16_t queues() const noexcept;
    // Both directions of a flow arrive on the same queue. If not, workers distribute.
    [[nodiscard]] bool symmetric() const noexcept;
    // How packets are spread, and why, as a sentence for the log and for `port show`.
    [[nodiscard]] const std::string& distribution() const noexcept;
    // Driver's name, e.g. net_af_xdp.
    [[nodiscard]] const std::string& driver() const noexcept;

    // Queue n as a receive path: at most once for each n below queues().
    [[nodiscard]] std::unique_ptr<RxQueue> queue(std::uint16_t n);

    // Frames longer than a buffer that were handed over cut short (captured_length < wire_length), all
    // queues.
    [[nodiscard]] std::uint64_t cut_short() const noexcept;

    [[nodiscard]] PortStats stats();

    // Stops receiving; stats() still answers. Idempotent, also done by the destructor, which closes.
    void stop() noexcept;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace picket::rx
