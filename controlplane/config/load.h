// Reads picket.toml and judges all of it before anything starts.
//
// Never throws and never stops at the first mistake (but for text that is not TOML at all). Where an error
// is found the Config holds the key's default; whoever starts something asks findings.errors() first.
#pragma once

#include <string>

#include "controlplane/config/config.h"
#include "controlplane/config/findings.h"

namespace picket::config {

inline constexpr const char* default_file = "/etc/picket/picket.toml";

struct LoadSettings {
    bool ports_required = true;  // false: replay brings its own
};

struct LoadResult {
    Config config;
    Findings findings;
};

[[nodiscard]] LoadResult load_config(const std::string& file, const LoadSettings& settings = {});

// The same for text that is at hand; `file` only names places and roots relative paths.
[[nodiscard]] LoadResult parse_config(const std::string& text, const std::string& file,
                                      const LoadSettings& settings = {});

// Do the rule files, watch lists and captures that the configuration names exist and can they be read by
// this process? Errors for names, warnings for patterns that match nothing yet.
void check_files(const Config& config, Findings& findings);

// The configuration that an empty file would give: the sensor is named for the host.
[[nodiscard]] Config default_config();

}  // namespace picket::config
