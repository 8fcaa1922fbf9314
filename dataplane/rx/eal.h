// DPDK's environment of this process: memory, worker threads, device buses. No rte_* type shows here.
//
// Owned by main of picket-dataplane, made once before any DpdkPort and destroyed after the last one (DPDK
// cannot be started twice in a process). All calls come from the thread that made it, DPDK's main lcore.
// A process that is killed leaves no memory behind, only a directory below /run/dpdk that the next one
// removes.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/rx/device_spec.h"

namespace picket::rx {

struct EalSettings {
    std::vector<unsigned> worker_cores;  // CPU of each worker, in the order of workers; may be empty
    unsigned memory_mib = 512;           // for packet buffers: hugepages where enough are free
    std::vector<DeviceSpec> devices;     // PCI devices are probed at start, others when their port opens
    std::string file_prefix;             // empty: unique to this process
    bool telemetry = true;               // DPDK's telemetry socket
};

class Eal {
  public:
    // Throws SetupError (exit status 3) with DPDK's own last words.
    explicit Eal(const EalSettings& settings);
    ~Eal();
    Eal(const Eal&) = delete;
    Eal& operator=(const Eal&) = delete;

    // Sentences for the operator, e.g. that there are no hugepages.
    [[nodiscard]] const std::vector<std::string>& warnings() const noexcept { return warnings_; }
    [[nodiscard]] bool hugepages() const noexcept { return hugepages_; }

    // Runs body on the thread of worker n, pinned to worker_cores[n]. body must not throw. A worker runs one
    // body at a time: wait() before launching again.
    void launch(std::size_t worker, std::function<void()> body);
    // Returns when the worker's body has returned (at once where none was launched).
    void wait(std::size_t worker) noexcept;

  private:
    std::vector<std::string> warnings_;
    bool hugepages_ = false;
    std::vector<std::function<void()>> bodies_;  // written before its launch, read by its worker
};

}  // namespace picket::rx
