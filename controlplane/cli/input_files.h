// Arguments that name files to read, checked so that a typing mistake is told before anything starts.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace picket::cli {

// Throws SetupError (exit status 2) for the first one that is absent, a directory, or not readable.
void check_input_files(const std::vector<std::string>& files);
// The same for the file of an option.
void check_readable(const std::string& option, const std::string& file);

// Names and files of what was given as --watch NAME=FILE, each name once and each file readable. Throws
// SetupError (exit status 2) for the first one that is not.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> watch_files(
    const std::vector<std::string>& texts);

}  // namespace picket::cli
