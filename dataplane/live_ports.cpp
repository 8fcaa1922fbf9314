#include "dataplane/live_ports.h"

#include "dataplane/pipeline.h"
#include "dataplane/rx/dpdk_port.h"
#include "dataplane/rx/eal.h"

namespace picket {
namespace {

rx::EalSettings eal_settings(const housekeeping::Settings& settings) {
    rx::EalSettings eal;
    eal.worker_cores = settings.worker_cores;
    eal.memory_mib = settings.memory_mib;
    for (const auto& port : settings.ports) eal.devices.push_back(port.device);
    return eal;
}

rx::RssWish wish_of(const std::string& rss) {
    if (rss == "symmetric") return rx::RssWish::symmetric;
    return rss == "software" ? rx::RssWish::software : rx::RssWish::automatic;
}

}  // namespace

struct LivePorts::State {
    explicit State(const housekeeping::Settings& settings) : eal(eal_settings(settings)) {}

    rx::Eal eal;
    std::size_t workers = 1;
    std::vector<std::unique_ptr<rx::DpdkPort>> ports;
    std::vector<std::string> warnings;
};

LivePorts::LivePorts(const housekeeping::Settings& settings) : state_(std::make_unique<State>(settings)) {
    state_->workers = settings.workers();
    state_->warnings = state_->eal.warnings();
    for (std::size_t i = 0; i < settings.ports.size(); ++i) {
        rx::PortSettings port;
        port.device = settings.ports[i].device;
        port.name = settings.ports[i].name;
        port.index = static_cast<std::uint16_t>(i);
        port.queues = static_cast<std::uint16_t>(settings.workers());
        port.burst = burst_max;
        port.rss = wish_of(settings.ports[i].rss);
        state_->ports.push_back(std::make_unique<rx::DpdkPort>(port));
        state_->warnings.push_back("port " + port.name + ": " + state_->ports.back()->distribution());
    }
}

LivePorts::~LivePorts() = default;

std::vector<std::unique_ptr<rx::RxQueue>> LivePorts::queues_of(std::size_t worker) {
    std::vector<std::unique_ptr<rx::RxQueue>> queues;
    for (const auto& port : state_->ports) {
        for (std::size_t n = worker; n < port->queues(); n += state_->workers) {
            queues.push_back(port->queue(static_cast<std::uint16_t>(n)));
        }
    }
    return queues;
}

std::uint32_t LivePorts::symmetric_ports() const noexcept {
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < state_->ports.size(); ++i) {
        const auto& port = *state_->ports[i];
        if (port.symmetric() && port.queues() == state_->workers) bits |= 1u << i;
    }
    return bits;
}

const std::vector<std::string>& LivePorts::warnings() const noexcept {
    return state_->warnings;
}

void LivePorts::read(std::size_t port, api::PortCounters& counters) {
    const rx::DpdkPort& device = *state_->ports[port];
    const rx::PortStats stats = state_->ports[port]->stats();
    counters.link_up = stats.link_up ? 1 : 0;
    counters.speed_mbit_s = stats.speed_mbit;
    counters.queues = device.queues();
    counters.rss_symmetric = device.symmetric() ? 1 : 0;
    counters.device_packets = stats.rx_packets;
    counters.device_bytes = stats.rx_bytes;
    counters.missed = stats.missed;
    counters.errors = stats.errors;
    counters.no_mbuf = stats.no_mbuf;
    counters.has_xdp = stats.kernel ? 1 : 0;
    for (std::size_t queue = 0; queue < api::xdp_queues_max && queue < stats.kernel_queues.size(); ++queue) {
        counters.xdp_packets[queue] = stats.kernel_queues[queue].packets;
        counters.xdp_bytes[queue] = stats.kernel_queues[queue].bytes;
        counters.xdp_no_socket[queue] = stats.kernel_queues[queue].no_socket;
    }
}

void LivePorts::launch(std::size_t worker, std::function<void()> body) {
    state_->eal.launch(worker, std::move(body));
}

void LivePorts::wait(std::size_t worker) noexcept {
    state_->eal.wait(worker);
}

void LivePorts::stop() noexcept {
    for (const auto& port : state_->ports) port->stop();
}

}  // namespace picket
