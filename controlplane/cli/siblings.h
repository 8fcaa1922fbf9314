// Where the other programs and the shipped rules are: beside this program when installed, or in the
// build tree.
#pragma once

#include <optional>
#include <string>

namespace picket::cli {

// Absolute path of "picket-dataplane", "picketd" or "picket-bench". Throws SetupError (exit status 3) naming
// the places that were searched.
[[nodiscard]] std::string find_program(const std::string& name);

// Directory of the rules that come with Picket, if it is at one of its places.
[[nodiscard]] std::optional<std::string> find_shipped_rules();

}  // namespace picket::cli
