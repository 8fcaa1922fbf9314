// The one exception type of start-up code (never thrown on a hot path): what failed, where, why, what to do.
#pragma once

#include <stdexcept>
#include <string>

namespace picket {

class SetupError : public std::runtime_error {
  public:
    // object: the file, port or option concerned. cause: what is wrong with it. remedy: what the reader can
    // do about it, an imperative sentence without a full stop. exit_status: see docs (2 usage, 3 cannot
    // start or reach, 4 damaged data).
    SetupError(const std::string& object, const std::string& cause, const std::string& remedy,
               int exit_status = 3)
        : std::runtime_error(object + ": " + cause + (remedy.empty() ? "" : "; " + remedy)),
          exit_status_(exit_status) {}

    [[nodiscard]] int exit_status() const noexcept { return exit_status_; }

  private:
    int exit_status_;
};

}  // namespace picket
