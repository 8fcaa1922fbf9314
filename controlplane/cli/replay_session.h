// Both planes on capture files: started, asked for their report, stopped.
//
// Nothing here outlives run_replay(): children die with this process, sockets lie in a directory of their
// own, and a child that ends early is noticed at once. No waiting but for events.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/cli/json.h"

namespace picket::cli {

struct ReplayRequest {
    std::vector<std::string> captures;
    std::vector<std::string> rules;  // empty: the shipped ones, or the configuration's
    std::vector<std::pair<std::string, std::string>> watch;
    unsigned workers = 1;
    std::string rss_model = "two-tuple";
    std::string dialect;  // empty: the configuration's
    std::string eve;      // FILE, "-" or empty
    std::string archive;  // a directory that keeps what was found, or empty
    std::string config_file;
    bool progress = false;  // on stderr
    bool quiet = false;     // what the planes warn of is not passed on
};

// A child has said on stderr (which has been passed on) why it cannot go on.
class ChildFailed : public std::runtime_error {
  public:
    ChildFailed(const std::string& what, int exit_status)
        : std::runtime_error(what), exit_status_(exit_status) {}
    [[nodiscard]] int exit_status() const noexcept { return exit_status_; }

  private:
    int exit_status_;
};

// The report of /v1/report with `seconds` filled in. Throws SetupError or ChildFailed.
[[nodiscard]] Json run_replay(const ReplayRequest& request);

}  // namespace picket::cli
