// The tables of the configuration, one function each: used by load.cpp only.
#pragma once

#include "controlplane/config/section.h"

namespace picket::config {

void read_dataplane(Section& section, Config& config);
void read_port(Section& section, const std::string& directory, Config& config);
void read_flow(Section& section, Config& config);
void read_rules(Section& section, const std::string& file, const std::string& directory, Findings& findings,
                Config& config);
void read_watch(Section& section, const std::string& directory, Config& config);
void read_networks(Section& section, Findings& findings, Config& config);
void read_privacy(Section& section, Findings& findings, Config& config);
void read_capture(Section& section, Config& config);
void read_archive(Section& section, const std::string& directory, Findings& findings, Config& config);
void read_export(Section& section, const std::string& file, const std::string& directory, Findings& findings,
                 Config& config);
void read_metrics(Section& section, Config& config);

// path if absolute, else under directory.
[[nodiscard]] std::string absolute_path(const std::string& path, const std::string& directory);

// Empty, or why `value` is not what a rule variable can hold.
[[nodiscard]] std::string variable_mistake(const std::string& value);

}  // namespace picket::config
