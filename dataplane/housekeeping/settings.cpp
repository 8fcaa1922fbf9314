#include "dataplane/housekeeping/settings.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <bit>
#include <charconv>
#include <iostream>

#include "dataplane/api/abi.h"
#include "dataplane/api/setup_error.h"
#include "version.h"

namespace picket::housekeeping {
namespace {

constexpr std::uint64_t ns_per_ms = 1'000'000;

struct Options {
    std::vector<std::vector<std::string>> ports;
    std::string workers;
    unsigned worker_count = 0;
    std::string rss_model = "two-tuple";
    std::uint64_t ring_mib = 0;
    std::uint64_t idle_ms = 15'000;
    std::uint64_t tcp_idle_ms = 300'000;
    std::uint64_t syn_ms = 75'000;
    std::uint64_t active_ms = 120'000;
    std::uint64_t capacity = 4'000'000;
    double fold_above = 0.9;
    std::size_t http_head_bytes = 8192;
    std::size_t http_body_bytes = 4096;
    std::string duplicates = "count";
    unsigned payload_bytes = 16;
    unsigned alert_packets = 0;
    std::string tunnels = "all";
    unsigned tunnel_depth = 4;
};

[[noreturn]] void refuse(const std::string& option, const std::string& why, const std::string& remedy) {
    throw SetupError("option " + option, why, remedy, 2);
}

unsigned number(std::string_view text) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > 1023) {
        refuse("--workers", "'" + std::string(text) + "' is not a core number", "write a list such as 2-5,8");
    }
    return value;
}

std::vector<unsigned> core_list(const std::string& text) {
    std::vector<unsigned> cores;
    std::size_t at = 0;
    while (at <= text.size()) {
        const std::size_t comma = std::min(text.find(',', at), text.size());
        const std::string_view item = std::string_view(text).substr(at, comma - at);
        const std::size_t dash = item.find('-');
        const unsigned first = number(item.substr(0, dash));
        const unsigned last = dash == std::string_view::npos ? first : number(item.substr(dash + 1));
        for (unsigned core = first; core <= last; ++core) cores.push_back(core);
        at = comma + 1;
    }
    return cores;
}

// "all", "none", or names with commas between.
std::uint16_t tunnel_bits(const std::string& text) {
    if (text == "all") return 0xffff;
    std::uint16_t bits = 0;
    for (std::size_t at = 0; text != "none" && at <= text.size();) {
        const std::size_t comma = std::min(text.find(',', at), text.size());
        const std::string name = text.substr(at, comma - at);
        const auto* found = std::find(api::tunnel_kind_names.begin() + 1, api::tunnel_kind_names.end(), name);
        if (found == api::tunnel_kind_names.end()) {
            refuse("--tunnels", "'" + name + "' is no tunnel", "write names such as gre,vxlan, all, or none");
        }
        bits |= parse::tunnel_bit(static_cast<api::TunnelKind>(found - api::tunnel_kind_names.begin()));
        at = comma + 1;
    }
    return bits;
}

void take_ports(const Options& options, Settings& settings) {
    for (const auto& fields : options.ports) {
        PortSetting port{fields[0], fields[1], fields[2], rx::parse_device(fields[3])};
        if (port.rss != "auto" && port.rss != "symmetric" && port.rss != "software") {
            refuse("--port", "RSS '" + port.rss + "' of port " + port.name,
                   "write auto, symmetric or software");
        }
        settings.ports.push_back(std::move(port));
    }
    const auto captures = static_cast<std::size_t>(
        std::count_if(settings.ports.begin(), settings.ports.end(),
                      [](const PortSetting& port) { return port.device.kind == rx::DeviceKind::pcap; }));
    if (captures != 0 && captures != settings.ports.size()) {
        refuse("--port", "capture files and live ports together have no common clock",
               "give either the one or the other");
    }
    if (settings.ports.size() > api::ports_max && captures == 0) {
        refuse("--port", "more than " + std::to_string(api::ports_max) + " ports",
               "start a second Picket for the rest");
    }
    for (std::size_t i = 0; i < std::min(settings.ports.size(), api::ports_max); ++i) {
        const auto same_link = [&](const PortSetting& other) {
            return other.group == settings.ports[i].group;
        };
        if (std::ranges::count_if(settings.ports, same_link) > 1) settings.flow.paired_ports |= 1u << i;
    }
    settings.replay = captures != 0;
    settings.hold = settings.hold || settings.replay;
}

void take_numbers(const Options& options, Settings& settings) {
    if (options.worker_count != 0) {
        settings.worker_cores.resize(options.worker_count);
        for (unsigned i = 0; i < options.worker_count; ++i) settings.worker_cores[i] = i;
    } else {
        settings.worker_cores = core_list(options.workers.empty() ? "0" : options.workers);
    }
    if (settings.workers() == 0 || settings.workers() > api::workers_max) {
        refuse("--workers", std::to_string(settings.workers()) + " workers",
               "give between 1 and " + std::to_string(api::workers_max));
    }
    const std::uint64_t ring_mib = options.ring_mib != 0 ? options.ring_mib : settings.replay ? 16 : 64;
    settings.ring_bytes = std::bit_ceil(std::clamp<std::uint64_t>(ring_mib, 1, 4096)) << 20;
    const std::uint64_t longest_ms =
        std::max({options.idle_ms, options.tcp_idle_ms, options.syn_ms, options.active_ms});
    // The hot entry keeps the beginning of a part in 16 bits of 134 ms, 2.4 h (flow_entry.h); with the active
    // timeout within 1 h a wrapped count cannot be mistaken.
    if (options.active_ms == 0 || options.active_ms > 3'600'000 || longest_ms > 86'400'000 ||
        options.idle_ms == 0 || options.tcp_idle_ms == 0 || options.syn_ms == 0) {
        refuse("--*-timeout-ms", "a timeout is 0, an active timeout above 1 h, or another above 24 h",
               "choose others");
    }
    settings.flow.idle_timeout_ns = {options.idle_ms * ns_per_ms, options.syn_ms * ns_per_ms,
                                     options.tcp_idle_ms * ns_per_ms, options.idle_ms * ns_per_ms};
    settings.flow.active_timeout_ns = options.active_ms * ns_per_ms;
    settings.flow.payload_bytes = static_cast<std::uint8_t>(options.payload_bytes);
    settings.alert_packets = static_cast<std::uint16_t>(options.alert_packets);
    settings.parse.tunnels = tunnel_bits(options.tunnels);
    settings.parse.tunnel_depth = static_cast<std::uint8_t>(options.tunnel_depth);
    settings.flow.fixed = !settings.replay;
    settings.flow.fold_above_share = settings.replay ? 0 : options.fold_above;
    settings.flow.id_from_sequence = settings.replay;
    settings.http.head_bytes = options.http_head_bytes;
    settings.http.body_bytes = options.http_body_bytes;
    settings.flow.capacity =
        settings.replay ? 32'768 : std::max<std::uint64_t>(options.capacity / settings.workers(), 1024);
    settings.duplicates = options.duplicates == "drop"     ? Duplicates::drop
                          : options.duplicates == "ignore" ? Duplicates::ignore
                                                           : Duplicates::count;
    const std::array<std::pair<std::string_view, rx::RssModel>, 3> models{
        {{"symmetric", rx::RssModel::symmetric},
         {"two-tuple", rx::RssModel::two_tuple},
         {"none", rx::RssModel::none}}};
    for (const auto& [name, model] : models) {
        if (options.rss_model == name) settings.rss_model = model;
    }
}

}  // namespace

bool parse_settings(int argc, char** argv, Settings& settings) {
    CLI::App app("Picket's data plane. Users start it with 'picket run' or 'picket replay'.",
                 "picket-dataplane");
    Options options;
    app.set_version_flag("-V,--version", std::string("picket-dataplane " PICKET_VERSION));
    app.add_option("--socket", settings.socket_path, "unix socket to listen on for picketd")->required();
    app.add_option("--port", options.ports, "NAME GROUP RSS DEVICE, repeatable")->required()->expected(4);
    app.add_option("--workers", options.workers, "cores, such as 2-5,8");
    app.add_option("--worker-count", options.worker_count, "replay: number of workers")
        ->check(CLI::Range(1, 64));
    app.add_flag("--replay", settings.replay, "all ports are capture files");
    app.add_flag("--hold", settings.hold, "wait for the start command before receiving");
    app.add_option("--rss-model", options.rss_model)
        ->check(CLI::IsMember({"symmetric", "two-tuple", "none"}));
    app.add_option("--memory-mib", settings.memory_mib, "packet buffers");
    app.add_option("--ring-mib", options.ring_mib, "event ring of each worker");
    app.add_option("--flow-capacity", options.capacity)
        ->check(CLI::Range(std::uint64_t{1024}, std::uint64_t{1} << 31));
    app.add_option("--fold-above", options.fold_above, "share of the capacity, 0: never fold")
        ->check(CLI::Range(0.0, 1.0));
    app.add_option("--http-head-bytes", options.http_head_bytes, "kept of a split request head")
        ->check(CLI::Range(std::size_t{1024}, http::RequestBatch::target_max));
    app.add_option("--http-body-bytes", options.http_body_bytes, "of a request's body that rules see")
        ->check(CLI::Range(std::size_t{256}, http::RequestBatch::body_max));
    app.add_option("--idle-timeout-ms", options.idle_ms);
    app.add_option("--tcp-idle-timeout-ms", options.tcp_idle_ms);
    app.add_option("--syn-timeout-ms", options.syn_ms);
    app.add_option("--active-timeout-ms", options.active_ms);
    app.add_flag("--vlan-in-key", settings.parse.vlan_in_key);
    app.add_option("--tunnels", options.tunnels, "tunnels that are entered: names, all, or none");
    app.add_option("--tunnel-depth", options.tunnel_depth)->check(CLI::Range(0, int{api::tunnel_depth_max}));
    app.add_option("--duplicates", options.duplicates)->check(CLI::IsMember({"count", "drop", "ignore"}));
    app.add_option("--payload-bytes", options.payload_bytes)->check(CLI::Range(0, 16));
    app.add_option("--alert-packets", options.alert_packets, "copied of each flow with a hit")
        ->check(CLI::Range(0, 65'535));
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& asked) {
        app.exit(asked);
        return false;
    } catch (const CLI::ParseError& error) {
        throw SetupError("picket-dataplane", error.what(), "see picket-dataplane --help", 2);
    }
    take_ports(options, settings);
    take_numbers(options, settings);
    return true;
}

}  // namespace picket::housekeeping
