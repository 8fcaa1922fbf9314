// The live ports of a data plane: opens them, gives each worker its queues, reads their counters.
//
// Without DPDK in the build (live_ports_absent.cpp) opening says so. Used by main and, for counters, the
// housekeeping thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/api/counters.h"
#include "dataplane/housekeeping/settings.h"
#include "dataplane/rx/frame.h"

namespace picket {

class LivePorts {
  public:
    // Throws SetupError with the port's name.
    explicit LivePorts(const housekeeping::Settings& settings);
    ~LivePorts();
    LivePorts(const LivePorts&) = delete;
    LivePorts& operator=(const LivePorts&) = delete;

    // Queue n of every port belongs to worker n modulo the number of workers.
    [[nodiscard]] std::vector<std::unique_ptr<rx::RxQueue>> queues_of(std::size_t worker);
    // Ports whose device spreads packets by addresses and the symmetric key over exactly the workers.
    [[nodiscard]] std::uint32_t symmetric_ports() const noexcept;
    [[nodiscard]] const std::vector<std::string>& warnings() const noexcept;

    void read(std::size_t port, api::PortCounters& counters);

    // Runs body on worker n's core until it returns; wait() joins.
    void launch(std::size_t worker, std::function<void()> body);
    void wait(std::size_t worker) noexcept;
    // After all workers have returned.
    void stop() noexcept;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace picket
