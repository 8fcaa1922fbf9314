// Arguments that name files to read, checked so that a typing mistake is told before anything starts.
#pragma once

#include <string>
#include <vector>

namespace picket::cli {

// Throws SetupError (exit status 2) for the first one that is absent, a directory, or not readable.
void check_input_files(const std::vector<std::string>& files);

}  // namespace picket::cli
