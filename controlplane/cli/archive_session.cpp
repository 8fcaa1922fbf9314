#include "controlplane/cli/archive_session.h"

#include <poll.h>

#include <chrono>
#include <filesystem>
#include <iostream>

#include "controlplane/cli/control_client.h"
#include "controlplane/cli/replay_session.h"
#include "controlplane/cli/siblings.h"
#include "controlplane/config/shown_text.h"
#include "dataplane/api/setup_error.h"

namespace picket::cli {

namespace {

constexpr int look_ms = 1;
constexpr auto start_limit = std::chrono::seconds(60);

}  // namespace

ArchiveSession::ArchiveSession(const std::string& directory) {
    const std::string path = std::filesystem::absolute(directory).string();
    picketd_.emplace(
        Child::Settings{{find_program("picketd"), "--archive-only", path, "--control", socket_, "--quiet"},
                        ErrorText::keep,
                        false});
    const auto deadline = std::chrono::steady_clock::now() + start_limit;
    while (ControlClient::probe(socket_) != 0) {
        pollfd ended{picketd_->pidfd(), POLLIN, 0};
        poll(&ended, 1, look_ms);
        if (picketd_->wait(0)) {
            std::cerr << config::shown_sentences(picketd_->error_text()) << std::flush;
            throw ChildFailed("the archive cannot be asked", picketd_->exit_status());
        }
        if (std::chrono::steady_clock::now() > deadline) {
            throw SetupError("picketd", "did not open its socket within a minute",
                             "is the machine short of memory or CPU time?");
        }
    }
}

}  // namespace picket::cli
