#include "dataplane/rx/dpdk_port.h"

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <vector>

#include "dataplane/api/setup_error.h"
#include "dataplane/rx/dpdk_port_device.h"
#include "dataplane/rx/dpdk_port_queue.h"
#include "dataplane/rx/dpdk_port_rss.h"
#include "dataplane/rx/dpdk_port_sockets.h"
#include "dataplane/rx/eal_log.h"

namespace picket::rx {

// Members are destroyed from the last to the first: the XDP program goes after the port is closed.
struct DpdkPort::State {
    explicit State(const PortSettings& wanted) : settings(wanted) {}
    ~State();
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    void open();
    void configure(rte_eth_dev_info& info);
    void set_up_queues(const rte_eth_dev_info& info);
    void start(const rte_eth_dev_info& info);
    [[nodiscard]] PortStats read_stats();
    [[noreturn]] void fail(const std::string& step, int status, const std::string& details) const;

    PortSettings settings;
    std::optional<xdp::CountProgram> program;  // af_xdp only
    PortSockets sockets;
    DevicePlan plan;
    std::optional<std::uint16_t> ethdev;  // while open
    std::vector<rte_mempool*> pools;      // one a queue: no worker touches another's cache
    std::vector<bool> given;              // queues that were handed out
    std::uint16_t queues = 0;
    bool asked_symmetric = false;
    bool symmetric = false;
    bool started = false;
    std::string distribution;
    std::string driver;
    std::atomic<std::uint64_t> cut_short = 0;
    PortStats last;  // of a port that was stopped
};

void DpdkPort::State::fail(const std::string& step, int status, const std::string& details) const {
    throw SetupError("port " + settings.name + " (" + settings.device.text + ")",
                     step + ": " + rte_strerror(-status) + details, "see docs/operations.md, section Ports");
}

void DpdkPort::State::open() {
    if (settings.device.kind == DeviceKind::af_xdp) {
        // The plan checks rights first: its sentence is the better one.
        static_cast<void>(plan_device(settings.device, settings.index, {}));
        program.emplace(settings.device.target);
    }
    plan = plan_device(settings.device, settings.index, program ? program->object_path() : std::string());
    ethdev = attach_device(settings.device, plan);
    rte_eth_dev_info info{};
    if (const int status = rte_eth_dev_info_get(*ethdev, &info); status != 0) {
        fail("cannot be asked what it is", status, {});
    }
    driver = info.driver_name;
    configure(info);
    set_up_queues(info);
    if (program) {
        program->adopt();
    }
    sockets.find();
    start(info);
}

void DpdkPort::State::configure(rte_eth_dev_info& info) {
    const std::uint16_t device_max = std::max<std::uint16_t>(info.max_rx_queues, 1);
    queues =
        std::min(plan.queues != 0 ? plan.queues : std::max<std::uint16_t>(settings.queues, 1), device_max);
    rte_eth_conf configuration{};
    asked_symmetric =
        queues > 1 && settings.rss != RssWish::software && request_symmetric_rss(info, configuration);
    if (settings.device.kind == DeviceKind::pci) {
        // Room for VLAN, MPLS and other tags above the usual MTU, within one default buffer.
        constexpr std::uint16_t tagged_mtu = 1900;
        configuration.rxmode.mtu =
            std::clamp<std::uint32_t>(tagged_mtu, 1500, std::max<std::uint16_t>(info.max_mtu, 1500));
    }
    EalLogCapture log;
    // Drivers such as af_xdp want transmit queues beside; nothing is ever sent.
    const std::uint16_t transmit = std::min(queues, info.max_tx_queues);
    if (const int status = rte_eth_dev_configure(*ethdev, queues, transmit, &configuration); status != 0) {
        fail("cannot be configured with " + std::to_string(queues) + " queues", status, log.take());
    }
    // Drivers fill in what depends on the configuration.
    static_cast<void>(rte_eth_dev_info_get(*ethdev, &info));
}

void DpdkPort::State::set_up_queues(const rte_eth_dev_info& info) {
    EalLogCapture log;
    std::uint16_t receive = std::bit_ceil(std::max<std::uint16_t>(settings.descriptors, 64));
    std::uint16_t transmit = 64;
    if (const int status = rte_eth_dev_adjust_nb_rx_tx_desc(*ethdev, &receive, &transmit); status != 0) {
        fail("refuses its number of descriptors", status, log.take());
    }
    const int socket = rte_eth_dev_socket_id(*ethdev);
    for (std::uint16_t n = 0; n < std::min(queues, info.max_tx_queues); ++n) {
        if (const int status =
                rte_eth_tx_queue_setup(*ethdev, n, transmit, static_cast<unsigned>(socket), nullptr);
            status != 0) {
            fail("cannot set up transmit queue " + std::to_string(n), status, log.take());
        }
    }
    // Buffers lie in the descriptors, in the burst that a worker holds, in the one being fetched and in the
    // worker's cache; no more, since none outlives its burst. AF_XDP's driver always fills 2048 descriptors.
    constexpr std::uint32_t af_xdp_fill = 2048;
    constexpr std::uint32_t cache = 256;
    const std::uint32_t held = std::max<std::uint32_t>(receive, program ? af_xdp_fill : 0);
    const auto buffers = static_cast<std::uint32_t>(std::bit_ceil(held + 2 * settings.burst + 2 * cache) - 1);
    const std::uint32_t room =
        std::max<std::uint32_t>(plan.frame_bytes + RTE_PKTMBUF_HEADROOM, RTE_MBUF_DEFAULT_BUF_SIZE);
    for (std::uint16_t n = 0; n < queues; ++n) {
        const std::string name = "picket_" + std::to_string(settings.index) + "_" + std::to_string(n);
        rte_mempool* const pool = rte_pktmbuf_pool_create(name.c_str(), buffers, cache, 0,
                                                          static_cast<std::uint16_t>(room), socket);
        if (pool == nullptr) {
            const int code = rte_errno;
            throw SetupError("port " + settings.name,
                             "no memory for " + std::to_string(buffers) +
                                 " packet buffers: " + rte_strerror(code) + log.take(),
                             "raise dataplane.memory_mib");
        }
        pools.push_back(pool);
        if (const int status =
                rte_eth_rx_queue_setup(*ethdev, n, receive, static_cast<unsigned>(socket), nullptr, pool);
            status != 0) {
            fail("cannot set up receive queue " + std::to_string(n), status, log.take());
        }
    }
    given.assign(queues, false);
}

void DpdkPort::State::start(const rte_eth_dev_info& info) {
    EalLogCapture log;
    if (const int status = rte_eth_dev_start(*ethdev); status != 0) {
        fail("cannot be started", status, log.take());
    }
    started = true;
    if (const int status = rte_eth_promiscuous_enable(*ethdev); status != 0 && status != -ENOTSUP) {
        fail("cannot be made promiscuous", status, log.take());
    }
    const std::string count = std::to_string(queues);
    if (queues == 1) {
        symmetric = true;
        distribution = "one queue";
    } else if (settings.rss == RssWish::software) {
        distribution = count + " queues, distributed by software as configured";
    } else if (asked_symmetric && apply_symmetric_rss(*ethdev, info, queues)) {
        symmetric = true;
        distribution = count + " queues by the device's symmetric RSS";
    } else {
        distribution = count + " queues, distributed by software: " + driver + " offers no symmetric RSS";
    }
    if (settings.rss == RssWish::symmetric && !symmetric) {
        throw SetupError("port " + settings.name + " (" + settings.device.text + ")",
                         driver + " offers no symmetric RSS", "set rss = \"auto\"");
    }
}

PortStats DpdkPort::State::read_stats() {
    PortStats stats;
    rte_eth_stats device{};
    if (rte_eth_stats_get(*ethdev, &device) == 0) {
        stats.rx_packets = device.ipackets;
        stats.rx_bytes = device.ibytes;
        stats.missed = device.imissed;
        stats.errors = device.ierrors;
        stats.no_mbuf = device.rx_nombuf;
    }
    if (settings.device.kind == DeviceKind::af_xdp || settings.device.kind == DeviceKind::af_packet) {
        stats.missed = sockets.dropped();
        const InterfaceLink link = interface_link(settings.device.target);
        stats.link_up = link.up;
        stats.speed_mbit = link.speed_mbit;
    } else {
        rte_eth_link link{};
        if (rte_eth_link_get_nowait(*ethdev, &link) == 0) {
            stats.link_up = link.link_status == RTE_ETH_LINK_UP;
            stats.speed_mbit = link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed;
        }
    }
    if (program) {
        // Last, so that it is never behind what was received.
        stats.kernel_queues = program->counts();
        stats.kernel = xdp::sum_of(stats.kernel_queues);
    }
    return stats;
}

DpdkPort::State::~State() {
    if (ethdev) {
        EalLogCapture log;
        rte_eth_dev_info info{};
        rte_device* const device = rte_eth_dev_info_get(*ethdev, &info) == 0 ? info.device : nullptr;
        if (started) {
            rte_eth_dev_stop(*ethdev);
        }
        rte_eth_dev_close(*ethdev);
        if (device != nullptr && settings.device.kind != DeviceKind::pci) {
            rte_dev_remove(device);
        }
    }
    for (rte_mempool* const pool : pools) {
        rte_mempool_free(pool);
    }
}

DpdkPort::DpdkPort(const PortSettings& settings) : state_(std::make_unique<State>(settings)) {
    state_->open();
}

DpdkPort::~DpdkPort() = default;

std::uint16_t DpdkPort::queues() const noexcept {
    return state_->queues;
}
bool DpdkPort::symmetric() const noexcept {
    return state_->symmetric;
}
const std::string& DpdkPort::distribution() const noexcept {
    return state_->distribution;
}
const std::string& DpdkPort::driver() const noexcept {
    return state_->driver;
}

std::unique_ptr<RxQueue> DpdkPort::queue(std::uint16_t n) {
    if (n >= state_->queues || state_->given[n]) {
        throw SetupError("port " + state_->settings.name,
                         "queue " + std::to_string(n) + " does not exist or has a worker already", "");
    }
    state_->given[n] = true;
    return std::make_unique<DpdkQueue>(*state_->ethdev, n, state_->settings.index, state_->settings.burst,
                                       state_->cut_short);
}

std::uint64_t DpdkPort::cut_short() const noexcept {
    return state_->cut_short.load(std::memory_order_relaxed);
}

PortStats DpdkPort::stats() {
    return state_->started ? state_->read_stats() : state_->last;
}

void DpdkPort::stop() noexcept {
    if (state_->started) {
        state_->last = state_->read_stats();
        state_->started = false;
        rte_eth_dev_stop(*state_->ethdev);
    }
}

}  // namespace picket::rx
