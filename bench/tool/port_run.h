// A row over a DPDK port: a sender on a core of its own, the worker's real loop on another, and a search for
// the rate at which nothing is lost.
//
// DPDK starts once in a process: one PortBench, used by the thread that made it. Without DPDK in the build
// (port_run_absent.cpp) making one says so.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/tool/memory_run.h"
#include "bench/tool/row.h"

namespace picket::bench {

class PortBench {
  public:
    // Throws SetupError.
    explicit PortBench(const RowSettings& settings);
    ~PortBench();
    PortBench(const PortBench&) = delete;
    PortBench& operator=(const PortBench&) = delete;

    [[nodiscard]] Row run(const RowSettings& settings, const Bench& bench, Progress& progress);
    [[nodiscard]] const std::vector<std::string>& warnings() const noexcept;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace picket::bench
