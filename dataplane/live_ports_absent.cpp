// A build without DPDK: capture files only.
#include "dataplane/api/setup_error.h"
#include "dataplane/live_ports.h"

namespace picket {

struct LivePorts::State {
    std::vector<std::string> warnings;
};

LivePorts::LivePorts(const housekeeping::Settings& settings) {
    throw SetupError("port " + settings.ports.front().name,
                     "this build has no live ports (DPDK was not found)",
                     "install libdpdk-dev and build again");
}
LivePorts::~LivePorts() = default;
std::vector<std::unique_ptr<rx::RxQueue>> LivePorts::queues_of(std::size_t /*worker*/) {
    return {};
}
std::uint32_t LivePorts::symmetric_ports() const noexcept {
    return 0;
}
const std::vector<std::string>& LivePorts::warnings() const noexcept {
    return state_->warnings;
}
void LivePorts::read(std::size_t /*port*/, api::PortCounters& /*counters*/) {}
void LivePorts::launch(std::size_t /*worker*/, std::function<void()> /*body*/) {}
void LivePorts::wait(std::size_t /*worker*/) noexcept {}
void LivePorts::stop() noexcept {}

}  // namespace picket
