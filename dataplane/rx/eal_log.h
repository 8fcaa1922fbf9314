// Where DPDK's log lines go: to our standard error, one line each, or, while something is being set up, into
// the message of the SetupError that explains the failure.
//
// Process-wide, because DPDK's log is. Lines may come from any thread; EalLogCapture objects live on the main
// thread, one at a time.
#pragma once

#include <string>

namespace picket::rx {

// Sends DPDK's log here from now on; before rte_eal_init. Idempotent.
void route_eal_log();

// While it lives, log lines are kept instead of printed; its destructor prints what nobody took.
class EalLogCapture {
  public:
    EalLogCapture();
    ~EalLogCapture();
    EalLogCapture(const EalLogCapture&) = delete;
    EalLogCapture& operator=(const EalLogCapture&) = delete;

    // The last lines, as one text in brackets with a leading space; empty if there were none.
    [[nodiscard]] std::string take();
};

}  // namespace picket::rx
