// Opens ports as the data plane does and counts what it receives: the live tests compare its counts with what
// they sent. Says "ready" on standard output once packets will be counted, then, at the end, one JSON object
// per line and port. Ends when every port has its packets and no more come, after a time, or on SIGTERM.
#include <CLI/CLI.hpp>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/api/setup_error.h"
#include "dataplane/rx/dpdk_port.h"
#include "dataplane/rx/eal.h"
#include "tests/live/frame_sender.h"

namespace {

using namespace picket::rx;
using Clock = std::chrono::steady_clock;

struct Options {
    std::vector<std::string> devices;
    std::vector<unsigned> cores;
    std::uint16_t queues = 1;
    std::uint16_t descriptors = 2048;
    std::uint64_t packets = 0;
    double seconds_max = 10;
    double settle_seconds = 0.3;
    double stall_seconds = 0;
    unsigned memory_mib = 256;
    std::string rss = "auto";
    std::string send_to;
    std::uint64_t send_count = 0;
};

struct Tally {
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    std::uint64_t time_went_back = 0;
};

struct Port {
    std::string device;
    std::unique_ptr<DpdkPort> port;
    std::vector<std::unique_ptr<RxQueue>> queues;
    std::vector<Tally> tallies;
    std::atomic<std::uint64_t> received = 0;
};

std::atomic<bool> stopping = false;
void stop_on_signal(int) {
    stopping = true;
}

void poll(Port& port, std::size_t n, std::uint64_t& last_time) {
    std::array<Frame, 64> burst;
    const std::size_t count = port.queues[n]->receive(burst);
    if (count == 0) {
        return;
    }
    Tally& tally = port.tallies[n];
    for (std::size_t i = 0; i < count; ++i) {
        tally.bytes += burst[i].wire_length;
        tally.time_went_back += burst[i].time_ns < last_time ? 1U : 0U;
        last_time = burst[i].time_ns;
    }
    tally.packets += count;
    port.received.fetch_add(count, std::memory_order_relaxed);
    port.queues[n]->release();
}

// Worker w polls the queues whose number is w modulo workers, of every port.
void work(std::vector<std::unique_ptr<Port>>& ports, std::size_t worker, std::size_t workers) {
    std::uint64_t last_time = 0;
    while (!stopping) {
        for (const auto& port : ports) {
            for (std::size_t n = worker; n < port->queues.size(); n += workers) {
                poll(*port, n, last_time);
            }
        }
    }
}

void supervise(const std::vector<std::unique_ptr<Port>>& ports, const Options& options) {
    const auto end = Clock::now() + std::chrono::duration<double>(options.seconds_max);
    auto changed = Clock::now();
    std::uint64_t before = 0;
    while (!stopping && Clock::now() < end) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        std::uint64_t received = 0;
        bool complete = options.packets != 0;
        for (const auto& port : ports) {
            const std::uint64_t of_port = port->received.load(std::memory_order_relaxed);
            received += of_port;
            complete = complete && of_port >= options.packets;
        }
        if (received != before) {
            before = received;
            changed = Clock::now();
        }
        if (complete && Clock::now() - changed > std::chrono::duration<double>(options.settle_seconds)) {
            break;
        }
    }
    stopping = true;
}

nlohmann::json report(Port& port) {
    const PortStats stats = port.port->stats();
    nlohmann::json queues = nlohmann::json::array();
    Tally sum;
    for (const Tally& tally : port.tallies) {
        queues.push_back(tally.packets);
        sum.packets += tally.packets;
        sum.bytes += tally.bytes;
        sum.time_went_back += tally.time_went_back;
    }
    nlohmann::json json = {{"device", port.device},
                           {"driver", port.port->driver()},
                           {"distribution", port.port->distribution()},
                           {"symmetric", port.port->symmetric()},
                           {"queues", queues},
                           {"received", sum.packets},
                           {"bytes", sum.bytes},
                           {"time_went_back", sum.time_went_back},
                           {"cut_short", port.port->cut_short()},
                           {"stats",
                            {{"rx_packets", stats.rx_packets},
                             {"rx_bytes", stats.rx_bytes},
                             {"missed", stats.missed},
                             {"errors", stats.errors},
                             {"no_mbuf", stats.no_mbuf},
                             {"link_up", stats.link_up},
                             {"speed_mbit", stats.speed_mbit}}},
                           {"kernel", nullptr}};
    if (stats.kernel) {
        for (std::size_t n = 0; n < port.queues.size(); ++n) {
            json["kernel_queues"].push_back(stats.kernel_queues[n].packets);
        }
        json["kernel"] = {{"packets", stats.kernel->packets},
                          {"bytes", stats.kernel->bytes},
                          {"no_socket", stats.kernel->no_socket},
                          {"gap", stats.kernel_gap()}};
    }
    return json;
}

std::unique_ptr<Port> open_port(const Options& options, std::uint16_t index) {
    auto port = std::make_unique<Port>();
    port->device = options.devices[index];
    const RssWish rss = options.rss == "symmetric"  ? RssWish::symmetric
                        : options.rss == "software" ? RssWish::software
                                                    : RssWish::automatic;
    port->port = std::make_unique<DpdkPort>(PortSettings{.device = parse_device(port->device),
                                                         .name = "port" + std::to_string(index),
                                                         .index = index,
                                                         .queues = options.queues,
                                                         .descriptors = options.descriptors,
                                                         .burst = 64,
                                                         .rss = rss});
    for (std::uint16_t n = 0; n < port->port->queues(); ++n) {
        port->queues.push_back(port->port->queue(n));
    }
    port->tallies.resize(port->queues.size());
    return port;
}

void run(const Options& options) {
    EalSettings settings;
    settings.worker_cores = options.cores;
    settings.memory_mib = options.memory_mib;
    settings.telemetry = false;
    for (const std::string& device : options.devices) {
        settings.devices.push_back(parse_device(device));
    }
    Eal eal(settings);
    for (const std::string& warning : eal.warnings()) {
        std::cerr << "port_probe: " << warning << "\n";
    }
    std::vector<std::unique_ptr<Port>> ports;
    for (std::uint16_t index = 0; index < options.devices.size(); ++index) {
        ports.push_back(open_port(options, index));
    }
    std::cout << "ready" << std::endl;
    std::this_thread::sleep_for(std::chrono::duration<double>(options.stall_seconds));
    for (std::size_t worker = 0; worker < options.cores.size(); ++worker) {
        eal.launch(worker, [&, worker] { work(ports, worker, options.cores.size()); });
    }
    if (!options.send_to.empty()) {
        picket::live::FrameSender sender(options.send_to);
        const std::uint64_t sent = sender.send(options.send_count);
        std::cout << nlohmann::json({{"sent", sent}, {"bytes", sender.bytes()}}).dump() << std::endl;
    }
    supervise(ports, options);
    for (std::size_t worker = 0; worker < options.cores.size(); ++worker) {
        eal.wait(worker);
    }
    for (const auto& port : ports) {
        port->port->stop();
        std::cout << report(*port).dump() << std::endl;
    }
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app("Counts what a live port receives");
    app.add_option("--device", options.devices, "as in the configuration; repeatable")->required();
    app.add_option("--cores", options.cores, "one worker on each of these")->required();
    app.add_option("--queues", options.queues);
    app.add_option("--descriptors", options.descriptors);
    app.add_option("--packets", options.packets, "end once every port has received so many and no more come");
    app.add_option("--seconds", options.seconds_max, "end after so long in any case");
    app.add_option("--settle", options.settle_seconds);
    app.add_option("--stall", options.stall_seconds, "leave the ports alone for so long first");
    app.add_option("--memory", options.memory_mib);
    app.add_option("--rss", options.rss);
    app.add_option("--send-to", options.send_to, "ethdev, one of the devices, to send frames out of");
    app.add_option("--send", options.send_count, "how many");
    CLI11_PARSE(app, argc, argv);
    std::signal(SIGTERM, stop_on_signal);
    std::signal(SIGINT, stop_on_signal);
    try {
        run(options);
        return 0;
    } catch (const picket::SetupError& error) {
        std::cerr << "port_probe: " << error.what() << "\n";
        return error.exit_status();
    }
}
