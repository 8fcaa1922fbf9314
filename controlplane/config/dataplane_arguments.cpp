#include "controlplane/config/dataplane_arguments.h"

#include <array>
#include <charconv>

#include "controlplane/config/quantities.h"

namespace picket::config {
namespace {

std::string number(double value) {
    std::array<char, 32> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
    return {buffer.data(), end};
}

std::string tunnel_names(const std::vector<std::string>& tunnels) {
    if (tunnels.empty()) return "none";
    std::string names;
    for (const std::string& tunnel : tunnels) names += (names.empty() ? "" : ",") + tunnel;
    return names;
}

}  // namespace

std::vector<std::string> flow_arguments(const Config& config) {
    const Flow& flow = config.flow;
    std::vector<std::string> arguments{
        "--flow-capacity",
        std::to_string(flow.capacity_flows),
        "--fold-above",
        number(flow.fold_above_share),
        "--idle-timeout-ms",
        std::to_string(flow.idle_timeout_ms),
        "--tcp-idle-timeout-ms",
        std::to_string(flow.tcp_idle_timeout_ms),
        "--syn-timeout-ms",
        std::to_string(flow.syn_timeout_ms),
        "--active-timeout-ms",
        std::to_string(flow.active_timeout_ms),
        "--tunnels",
        tunnel_names(flow.tunnels),
        "--tunnel-depth",
        std::to_string(flow.tunnel_depth),
        "--http-head-bytes",
        std::to_string(flow.http_head_bytes),
        "--http-body-bytes",
        std::to_string(flow.http_body_bytes),
        "--duplicates",
        name_of(flow.duplicates),
        "--payload-bytes",
        std::to_string(config.privacy.payload_bytes),
    };
    if (flow.vlan_in_key) arguments.emplace_back("--vlan-in-key");
    return arguments;
}

std::vector<std::string> dataplane_arguments(const Config& config) {
    std::vector<std::string> arguments;
    for (const Port& port : config.ports) {
        arguments.insert(arguments.end(),
                         {"--port", port.name, port.group, name_of(port.rss), port.device.text});
    }
    if (!config.dataplane.worker_cores.empty()) {
        arguments.insert(arguments.end(), {"--workers", format_cores(config.dataplane.worker_cores)});
    }
    arguments.insert(arguments.end(), {"--memory-mib", std::to_string(config.dataplane.memory_mib)});
    arguments.insert(arguments.end(), {"--alert-packets", std::to_string(config.capture.alert_packets)});
    const auto flow = flow_arguments(config);
    arguments.insert(arguments.end(), flow.begin(), flow.end());
    return arguments;
}

}  // namespace picket::config
