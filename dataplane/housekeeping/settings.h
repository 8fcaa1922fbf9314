// The command line of picket-dataplane. `picket run` and `picket replay` write it from the configuration,
// which they have judged; here only what cannot work is refused.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/flow/flow_tracker.h"
#include "dataplane/pipeline.h"
#include "dataplane/rx/device_spec.h"
#include "dataplane/rx/rss.h"

namespace picket::housekeeping {

struct PortSetting {
    std::string name;
    std::string group;
    std::string rss;  // auto, symmetric, software
    rx::DeviceSpec device;
};

struct Settings {
    std::string socket_path;
    std::vector<PortSetting> ports;
    std::vector<unsigned> worker_cores;  // CPU of each worker; replay: only their number counts
    bool replay = false;                 // all ports are capture files
    bool hold = false;                   // workers wait for the start command
    rx::RssModel rss_model = rx::RssModel::two_tuple;
    unsigned memory_mib = 2048;
    std::size_t ring_bytes = 0;
    parse::ParseSettings parse;
    flow::FlowSettings flow;
    http::StageSettings http;
    Duplicates duplicates = Duplicates::count;
    std::uint16_t alert_packets = 0;
    [[nodiscard]] std::size_t workers() const noexcept { return worker_cores.size(); }
};

// Throws SetupError (exit status 2) for values that cannot work. Returns false if help or the version was
// asked for and has been printed.
[[nodiscard]] bool parse_settings(int argc, char** argv, Settings& settings);

}  // namespace picket::housekeeping
