// What is wrong, or worth knowing, about a configuration file: where, what, and what to do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "controlplane/config/config.h"

namespace picket::config {

enum class Severity : std::uint8_t { error, warning };

struct Finding {
    Severity severity = Severity::error;
    Location location;
    std::string what;
    std::string remedy;
};

// Findings of one file, in the order of their places. Not safe for several threads at once.
class Findings {
  public:
    void error(const Location& location, std::string what, std::string remedy);
    void warn(const Location& location, std::string what, std::string remedy);

    // Sorted by file, line and column.
    [[nodiscard]] const std::vector<Finding>& all();
    [[nodiscard]] std::size_t errors() const noexcept { return errors_; }
    [[nodiscard]] std::size_t warnings() const noexcept { return findings_.size() - errors_; }

  private:
    std::vector<Finding> findings_;
    std::size_t errors_ = 0;
};

// "FILE:LINE:COLUMN: error: what; remedy", without the numbers where there is no place.
[[nodiscard]] std::string text_of(const Finding& finding);

// `candidate` nearest to `word`, or empty if none is near enough to be a slip of the keyboard.
[[nodiscard]] std::string nearest(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace picket::config
