// Rule files from disk: glob patterns and `include` lines.
#pragma once

#include <string>
#include <vector>

#include "controlplane/rules/rule_parser.h"

namespace picket::rules {

// Reads every file that the patterns name (glob(7); read in sorted order, each file once) and the files
// that they include, relative to the including file. A pattern without wildcards that names no file, an
// unreadable file and a circle of includes are rejects with option "file". Never throws.
ParsedRules load_rule_files(const std::vector<std::string>& patterns, const RuleSettings& settings);

}  // namespace picket::rules
