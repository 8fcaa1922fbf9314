// What /etc/picket/picket.toml says, after validation: plain values, every key with its default.
//
// A Config is made by load_config (config/load.h) or default-constructed, which is the configuration of an
// empty file; it is a plain value without invariants of its own. Paths are absolute, relative ones in the
// file having been resolved against the file's directory; durations are milliseconds. Keys of features
// that this build lacks are held too, and load_config warns of them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/config/device.h"

namespace picket::config {

// Where something is said: line and column count from 1, 0 where there is no place.
struct Location {
    std::string file;
    std::uint32_t line = 0;
    std::uint32_t column = 0;
};

enum class PortRss : std::uint8_t { automatic, symmetric, software };
enum class Duplicates : std::uint8_t { count, drop, ignore };
enum class Dialect : std::uint8_t { suricata, snort3, snort2 };
enum class UriQuery : std::uint8_t { keep, hash, drop };

struct Port {
    std::string name;   // unique
    std::string group;  // its name where the file gives none
    PortRss rss = PortRss::automatic;
    Device device;
    Location location;
};

struct Dataplane {
    std::vector<unsigned> worker_cores;  // ascending, without repetition; empty: one worker, any core
    std::uint64_t memory_mib = 2048;
};

struct Flow {
    std::uint64_t capacity_flows = 4'000'000;
    double fold_above_share = 0.9;  // of capacity
    std::uint64_t idle_timeout_ms = 15'000;
    std::uint64_t tcp_idle_timeout_ms = 300'000;
    std::uint64_t syn_timeout_ms = 75'000;
    std::uint64_t active_timeout_ms = 120'000;
    std::uint64_t http_head_bytes = 8192;
    std::uint64_t http_body_bytes = 4096;
    bool vlan_in_key = false;
    std::vector<std::string> tunnels{"gre", "ipip", "vxlan", "geneve", "gtpu", "erspan", "l2tp"};
    std::uint32_t tunnel_depth = 4;  // tunnels entered at most, one within the other
    Duplicates duplicates = Duplicates::count;
};

// A path, or a pattern with * ? [ ] in its last parts, and where the file says it.
struct FilePattern {
    std::string path;
    Location location;
};

struct Rules {
    std::optional<std::vector<FilePattern>> files;  // none: the shipped rules
    Dialect dialect = Dialect::suricata;
    std::map<std::string, std::string> variables;  // without '$'; what is not here is "any" if standard
    std::optional<std::string> cache;  // directory of compiled patterns; empty: off; none: where it suits
};

struct WatchList {
    std::string name;
    std::string path;
    Location location;
};

struct Networks {
    std::vector<std::string> inside;  // CIDR, host bits zero
    std::vector<std::string> known_nat;
};

struct Privacy {
    UriQuery uri_query = UriQuery::keep;
    std::uint32_t payload_bytes = 16;  // first bytes kept of each direction
};

struct Capture {
    std::uint32_t alert_packets = 100;  // kept of each flow with a hit, from the one that hit on
};

struct Archive {
    std::string directory = "/var/lib/picket";
    std::uint64_t retain_ms = std::uint64_t{30} * 24 * 3'600'000;
    std::uint64_t size_bytes_max = std::uint64_t{200} << 30;
};

struct Collector {
    std::string host;
    std::uint16_t port = 4739;
    bool tcp = false;
};

struct Kafka {
    std::string brokers;
    std::string topic = "picket.flows";
};

struct ClickHouse {
    std::string url;
    std::string table = "flows";
};

struct Config {
    std::string file;  // empty: no file was read
    std::string sensor;
    Dataplane dataplane;
    std::vector<Port> ports;
    Flow flow;
    Rules rules;
    std::vector<WatchList> watch;
    Networks networks;
    Privacy privacy;
    Capture capture;
    std::optional<Archive> archive;
    std::optional<Collector> export_ipfix;
    std::optional<std::string> export_eve_file;
    std::optional<Kafka> export_kafka;
    std::optional<ClickHouse> export_clickhouse;
    std::optional<std::string> metrics_listen;  // ADDRESS:PORT
};

// As the configuration and the command lines write them.
[[nodiscard]] const char* name_of(PortRss rss) noexcept;
[[nodiscard]] const char* name_of(Duplicates duplicates) noexcept;
[[nodiscard]] const char* name_of(Dialect dialect) noexcept;

}  // namespace picket::config
