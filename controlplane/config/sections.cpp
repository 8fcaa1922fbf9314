#include "controlplane/config/sections.h"

#include <algorithm>
#include <cctype>

#include "controlplane/config/quantities.h"
#include "dataplane/api/abi.h"
#include "dataplane/api/events.h"

namespace picket::config {
namespace {

constexpr std::size_t watch_lists_max = 64;  // the data plane keeps them as bits of a word

bool is_name(const std::string& text) {
    return !text.empty() && text.size() < api::name_length_max &&
           std::all_of(text.begin(), text.end(), [](unsigned char c) {
               return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
           });
}

// What a port is called if nobody named it: interface, PCI address, or the file's own name.
std::string name_from(const Device& device) {
    std::string name = device.target.substr(device.target.rfind('/') + 1);
    for (char& c : name) {
        if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_' && c != '-' && c != '.') c = '-';
    }
    return name.substr(0, api::name_length_max - 1);
}

std::vector<std::string> read_network_list(Section& section, const char* key) {
    std::vector<std::string> networks;
    const auto written = section.texts(key);
    for (const LocatedText& item : written.value_or(std::vector<LocatedText>{})) {
        const auto network = parse_network(item.text);
        if (!network) {
            section.error(item.location, section.path(key) + " holds \"" + item.text + "\", not a network",
                          "write an address or ADDRESS/BITS, as 10.0.0.0/8 or 2001:db8::/32");
        } else if (network->host_bits) {
            section.error(item.location,
                          section.path(key) + " holds " + item.text + ", which has bits behind its prefix",
                          "write " + network->text());
        } else {
            networks.push_back(network->text());
        }
    }
    return networks;
}

}  // namespace

std::string absolute_path(const std::string& path, const std::string& directory) {
    return path.starts_with('/') ? path : directory + "/" + path;
}

void read_dataplane(Section& section, Config& config) {
    if (const auto workers = section.text("workers")) {
        const auto cores = parse_cores(workers->text);
        if (!cores) {
            section.error(workers->location,
                          "dataplane.workers = \"" + workers->text + "\" is not a list of cores",
                          "write core numbers below 1024 and ranges, each core once, as \"2-5,7\"");
        } else if (cores->size() > api::workers_max) {
            section.error(workers->location,
                          "dataplane.workers names " + std::to_string(cores->size()) + " cores",
                          "name at most " + std::to_string(api::workers_max));
        } else {
            config.dataplane.worker_cores = *cores;
        }
    }
    if (const auto memory = section.integer("memory_mib", 64, 1u << 20))
        config.dataplane.memory_mib = *memory;
}

void read_port(Section& section, const std::string& directory, Config& config) {
    Port port;
    port.location = section.place();
    const auto device = section.text("device");
    const auto name = section.text("name");
    const auto group = section.text("group");
    const auto rss = section.one_of("rss", {"auto", "symmetric", "software"});
    port.rss = static_cast<PortRss>(rss.value_or(0));
    bool good = true;
    if (device) {
        std::string why;
        std::string remedy;
        good = parse_device(device->text, directory, port.device, why, remedy);
        if (!good) section.error(device->location, "port.device: " + why, remedy);
    } else if (!section.has("device")) {
        section.error(section.place(), "this [[port]] has no device", "add device = \"af_xdp:eth1\", say");
        good = false;
    }
    port.name = name ? name->text : name_from(port.device);
    port.group = group ? group->text : port.name;
    const std::string remedy = "use 1 to 63 letters, digits, '-', '_' or '.'";
    if (name && !is_name(name->text)) {
        section.error(name->location, "port.name = \"" + name->text + "\" is not a name", remedy);
    }
    if (group && !is_name(group->text)) {
        section.error(group->location, "port.group = \"" + group->text + "\" is not a name", remedy);
    }
    for (const Port& other : config.ports) {
        if (other.name == port.name) {
            section.error(name ? name->location : section.place(),
                          "two ports are called \"" + port.name + "\"", "give each its own name = \"…\"");
        }
        if (good && device && other.device.text == port.device.text) {
            section.error(device->location, "two ports use the device " + port.device.text, "remove one");
        }
    }
    if (config.ports.size() == api::ports_max) {
        section.error(section.place(), "more than " + std::to_string(api::ports_max) + " ports",
                      "remove some, or run a second sensor");
        return;
    }
    config.ports.push_back(std::move(port));
}

void read_flow(Section& section, Config& config) {
    Flow& flow = config.flow;
    constexpr std::uint64_t hundred_ms = 100;
    constexpr std::uint64_t hour_ms = 3'600'000;  // what the data plane's hot flow entry can tell apart
    constexpr std::uint64_t day_ms = 86'400'000;
    if (const auto value = section.integer("capacity", 1024, 1'000'000'000)) flow.capacity_flows = *value;
    if (const auto value = section.share("fold_above")) flow.fold_above_share = *value;
    if (const auto value = section.duration_ms("idle_timeout", hundred_ms, day_ms))
        flow.idle_timeout_ms = *value;
    if (const auto value = section.duration_ms("tcp_idle_timeout", hundred_ms, day_ms)) {
        flow.tcp_idle_timeout_ms = *value;
    }
    if (const auto value = section.duration_ms("syn_timeout", hundred_ms, day_ms))
        flow.syn_timeout_ms = *value;
    if (const auto value = section.duration_ms("active_timeout", hundred_ms, hour_ms)) {
        flow.active_timeout_ms = *value;
    }
    if (const auto value = section.integer("http_head_bytes", 1024, 16'384)) flow.http_head_bytes = *value;
    if (const auto value = section.integer("http_body_bytes", 256, 16'384)) flow.http_body_bytes = *value;
    if (const auto value = section.boolean("vlan_in_key")) flow.vlan_in_key = *value;
    if (const auto value = section.one_of("duplicates", {"count", "drop", "ignore"})) {
        flow.duplicates = static_cast<Duplicates>(*value);
    }
    if (const auto value = section.integer("tunnel_depth", 0, api::tunnel_depth_max)) {
        flow.tunnel_depth = static_cast<std::uint32_t>(*value);
    }
    const auto tunnels = section.texts("tunnels");
    if (!tunnels) return;
    static const std::vector<std::string> known = Flow{}.tunnels;
    flow.tunnels.clear();
    for (const LocatedText& tunnel : *tunnels) {
        if (std::find(known.begin(), known.end(), tunnel.text) == known.end()) {
            section.error(tunnel.location, "flow.tunnels holds \"" + tunnel.text + "\"",
                          "known are gre, ipip, vxlan, geneve, gtpu, erspan, l2tp");
        } else {
            flow.tunnels.push_back(tunnel.text);
        }
    }
}

void read_rules(Section& section, const std::string& file, const std::string& directory, Findings& findings,
                Config& config) {
    if (const auto files = section.texts("files")) {
        config.rules.files.emplace();
        for (const LocatedText& item : *files) {
            if (item.text.empty()) {
                section.error(item.location, "rules.files holds an empty path", "remove it");
            } else {
                config.rules.files->push_back({absolute_path(item.text, directory), item.location});
            }
        }
    }
    if (const auto dialect = section.one_of("dialect", {"suricata", "snort3", "snort2"})) {
        config.rules.dialect = static_cast<Dialect>(*dialect);
    }
    if (const auto cache = section.text("cache")) {
        config.rules.cache = cache->text == "off" ? "" : absolute_path(cache->text, directory);
        if (cache->text.empty()) {
            section.error(cache->location, "rules.cache is empty", "name a directory, or write \"off\"");
        }
    }
    const toml::table* table = section.table("variables");
    if (table == nullptr) return;
    Section variables(*table, "rules.variables", file, findings);
    for (const auto& [name, value] : variables.all_texts()) {
        const bool good = !name.text.empty() && std::isdigit(static_cast<unsigned char>(name.text[0])) == 0 &&
                          std::all_of(name.text.begin(), name.text.end(),
                                      [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
        if (!good) {
            variables.error(name.location, "\"" + name.text + "\" is not the name of a rule variable",
                            "use letters, digits and '_', without '$', as HOME_NET");
        } else if (const std::string mistake = variable_mistake(value.text); !mistake.empty()) {
            variables.error(value.location, "rules.variables." + name.text + ": " + mistake,
                            "write any, addresses, networks or ports, in [ , ] if several, ! for not");
        } else {
            config.rules.variables[name.text] = value.text;
        }
    }
}

void read_watch(Section& section, const std::string& directory, Config& config) {
    for (const auto& [name, path] : section.all_texts()) {
        if (!is_name(name.text)) {
            section.error(name.location, "\"" + name.text + "\" is not the name of a watch list",
                          "use 1 to 63 letters, digits, '-', '_' or '.'");
        } else if (path.text.empty()) {
            section.error(path.location, "watch." + name.text + " names no file",
                          "name a file with an address or network a line");
        } else if (config.watch.size() == watch_lists_max) {
            section.error(name.location, "more than 64 watch lists", "join some");
        } else {
            config.watch.push_back({name.text, absolute_path(path.text, directory), path.location});
        }
    }
}

void read_networks(Section& section, Findings& findings, Config& config) {
    config.networks.inside = read_network_list(section, "inside");
    config.networks.known_nat = read_network_list(section, "known_nat");
    if (!config.networks.inside.empty()) {
        findings.warn(section.place("inside"), "no answer of this build tells inside from outside",
                      "nothing to do");
    }
}

void read_privacy(Section& section, Findings& findings, Config& config) {
    if (const auto value = section.one_of("uri_query", {"keep", "hash", "drop"})) {
        config.privacy.uri_query = static_cast<UriQuery>(*value);
    }
    if (const auto value = section.integer("payload_bytes", 0, 16)) {
        config.privacy.payload_bytes = static_cast<std::uint32_t>(*value);
    }
    // REQUIRES: capture was read before.
    if (config.privacy.uri_query != UriQuery::keep && config.capture.alert_packets > 0) {
        findings.warn(section.place("uri_query"),
                      "frames of flows with a hit are kept as a whole, their queries too",
                      "set capture.alert_packets = 0 if they must not be kept");
    }
}

void read_capture(Section& section, Config& config) {
    if (const auto value = section.integer("alert_packets", 0, 65'535)) {
        config.capture.alert_packets = static_cast<std::uint32_t>(*value);
    }
}

}  // namespace picket::config
