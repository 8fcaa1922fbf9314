// A build without DPDK.
#include "bench/tool/port_run.h"
#include "dataplane/api/setup_error.h"

namespace picket::bench {

struct PortBench::State {
    std::vector<std::string> warnings;
};

PortBench::PortBench(const RowSettings& settings) {
    throw SetupError("--via " + std::string(via_names[static_cast<std::size_t>(settings.via)]),
                     "this Picket was built without DPDK", "take --via memory, or build with libdpdk");
}

PortBench::~PortBench() = default;

Row PortBench::run(const RowSettings& settings, const Bench& bench, Progress& progress) {
    return run_in_memory(settings, bench, progress);
}

const std::vector<std::string>& PortBench::warnings() const noexcept {
    return state_->warnings;
}

}  // namespace picket::bench
