// A short-lived picketd that answers the questions of one command about a closed archive.
#pragma once

#include <optional>
#include <string>

#include "controlplane/cli/child.h"

namespace picket::cli {

class ArchiveSession {
  public:
    // Returns when it answers. Throws ChildFailed or SetupError if it does not.
    explicit ArchiveSession(const std::string& directory);
    // It is killed: it has nothing to lose.
    ~ArchiveSession() = default;
    ArchiveSession(const ArchiveSession&) = delete;
    ArchiveSession& operator=(const ArchiveSession&) = delete;

    [[nodiscard]] const std::string& socket() const noexcept { return socket_; }

  private:
    RuntimeDirectory runtime_;
    std::string socket_ = runtime_.path() + "/control.sock";
    std::optional<Child> picketd_;
};

}  // namespace picket::cli
