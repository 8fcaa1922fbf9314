#include "controlplane/cli/run_session.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <optional>

#include "controlplane/cli/child.h"
#include "controlplane/cli/context.h"
#include "controlplane/cli/control_client.h"
#include "controlplane/cli/siblings.h"
#include "controlplane/config/dataplane_arguments.h"
#include "dataplane/api/setup_error.h"

namespace picket::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int ready_poll_ms = 20;
constexpr int orderly_stop_ms = 15'000;
constexpr int restart_delay_ms_min = 50;
constexpr int restart_delay_ms_max = 5'000;
constexpr auto steady_after = std::chrono::seconds(10);  // a picketd that ran so long has started well

// Held as long as this process lives, so that two runs never share a socket.
class RunLock {
  public:
    explicit RunLock(const std::string& control_socket) {
        const std::string path = control_socket + ".lock";
        descriptor_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
        if (descriptor_ < 0) {
            throw SetupError(path, std::string("cannot be made: ") + std::strerror(errno),
                             "run as a user who may write there, or choose another socket with -s PATH");
        }
        const bool free = flock(descriptor_, LOCK_EX | LOCK_NB) == 0;
        if (!free || ControlClient::probe(control_socket) == 0) {
            close(descriptor_);
            throw SetupError(control_socket, "another Picket is running there",
                             "stop it first, or give this one its own socket with -s PATH");
        }
    }
    ~RunLock() { close(descriptor_); }
    RunLock(const RunLock&) = delete;
    RunLock& operator=(const RunLock&) = delete;

  private:
    int descriptor_ = -1;
};

// Beside the control socket, and its own for each, so that runs may share a directory.
std::string dataplane_socket_of(const std::filesystem::path& control_socket) {
    const bool standard = control_socket.filename() == std::filesystem::path(socket_default).filename();
    return standard ? (control_socket.parent_path() / "dataplane.sock").string()
                    : control_socket.string() + ".dataplane";
}

std::string absolute_socket(const std::string& socket) {
    const std::filesystem::path path = std::filesystem::absolute(socket);
    const std::filesystem::path directory = path.parent_path();
    const std::size_t longer = std::max(path.string().size(), dataplane_socket_of(path.string()).size());
    if (longer >= sizeof(sockaddr_un::sun_path)) {
        throw SetupError(path.string(), "is too long for a unix socket",
                         "choose a path of at most 97 characters", status_usage);
    }
    std::error_code failure;
    if (!std::filesystem::is_directory(directory, failure)) {
        std::filesystem::create_directory(directory, failure);
        if (failure) {
            throw SetupError(directory.string(),
                             "the sockets' directory cannot be made: " + failure.message(),
                             "make it, run as root, or choose another socket with -s PATH");
        }
    }
    if (access(directory.c_str(), W_OK | X_OK) != 0) {
        throw SetupError(directory.string(),
                         std::string("sockets cannot be made there: ") + std::strerror(errno),
                         "run as root, or choose another socket with -s PATH");
    }
    return path.string();
}

class RunSession {
  public:
    explicit RunSession(const RunRequest& request)
        : request_(request),
          control_socket_(absolute_socket(request.control_socket)),
          dataplane_socket_(dataplane_socket_of(control_socket_)),
          lock_(control_socket_) {}

    int run();

  private:
    void start_dataplane();
    void start_picketd();
    [[nodiscard]] int wait_ms() const;
    void announce_when_ready();
    // Each returns the exit status if the session is over with it.
    std::optional<int> on_dataplane_end();
    std::optional<int> on_picketd_end();
    int stop();

    void say(const std::string& sentence) const { std::cerr << "picket: " << sentence << '\n' << std::flush; }

    const RunRequest& request_;
    std::string control_socket_;
    std::string dataplane_socket_;
    RunLock lock_;
    SignalWatch signals_;
    std::optional<Child> dataplane_;
    std::optional<Child> picketd_;
    bool ready_ = false;
    bool was_ready_ = false;  // once since the start
    int restart_delay_ms_ = restart_delay_ms_min;
    Clock::time_point picketd_begin_;
    std::optional<Clock::time_point> restart_at_;
};

void RunSession::start_dataplane() {
    std::vector<std::string> command{find_program("picket-dataplane"), "--socket", dataplane_socket_};
    const auto arguments = config::dataplane_arguments(request_.config);
    command.insert(command.end(), arguments.begin(), arguments.end());
    dataplane_.emplace(Child::Settings{command, ErrorText::inherit, false});
}

void RunSession::start_picketd() {
    std::vector<std::string> command{find_program("picketd"),
                                     "--dataplane",
                                     dataplane_socket_,
                                     "--control",
                                     control_socket_,
                                     "--owns-dataplane",
                                     "--config",
                                     std::filesystem::absolute(request_.config.file).string()};
    if (const auto shipped = find_shipped_rules()) {
        command.emplace_back("--rules-dir");
        command.push_back(*shipped);
    }
    picketd_.emplace(Child::Settings{command, ErrorText::inherit, false});
    picketd_begin_ = Clock::now();
    restart_at_.reset();
    ready_ = false;
}

int RunSession::wait_ms() const {
    if (restart_at_) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(*restart_at_ - Clock::now());
        return std::max(0, static_cast<int>(left.count()) + 1);
    }
    return ready_ ? -1 : ready_poll_ms;
}

void RunSession::announce_when_ready() {
    if (ready_ || restart_at_ || ControlClient::probe(control_socket_) != 0) return;
    ready_ = true;
    if (request_.quiet) return;
    if (was_ready_) {
        say("picketd is back");
    } else {
        const bool standard = control_socket_ == socket_default;
        say("running; ask it: picket " + (standard ? std::string() : "-s " + control_socket_ + " ") +
            "status; stop it: Ctrl-C");
    }
    was_ready_ = true;
}

std::optional<int> RunSession::on_dataplane_end() {
    if (!dataplane_->wait(0)) return std::nullopt;
    if (dataplane_->succeeded()) {
        // It was asked to stop, by picketd's /v1/stop or by a signal of its own: picketd follows.
        stop();
        return status_done;
    }
    say(dataplane_->ending() + (was_ready_ ? "; nothing is counted any more, start picket run again" : ""));
    const int status = dataplane_->exit_status();
    stop();
    return status;
}

std::optional<int> RunSession::on_picketd_end() {
    if (!picketd_->wait(0)) return std::nullopt;
    if (picketd_->succeeded()) {
        stop();
        return status_done;
    }
    if (!was_ready_) {
        say(picketd_->ending());
        const int status = picketd_->exit_status();
        stop();
        return status;
    }
    if (Clock::now() - picketd_begin_ > steady_after) restart_delay_ms_ = restart_delay_ms_min;
    say(picketd_->ending() + "; the data plane counts on, picketd is started again");
    restart_at_ = Clock::now() + std::chrono::milliseconds(restart_delay_ms_);
    restart_delay_ms_ = std::min(restart_delay_ms_ * 2, restart_delay_ms_max);
    return std::nullopt;
}

// picketd first: it asks the data plane to stop and drains what that still has to say.
int RunSession::stop() {
    for (auto* child : {&picketd_, &dataplane_}) {
        if (!*child) continue;
        (*child)->signal(SIGTERM);
        if ((*child)->wait(orderly_stop_ms)) continue;
        say((*child)->name() + " did not stop in time and is killed");
        (*child)->signal(SIGKILL);
        (*child)->wait(-1);
    }
    std::error_code ignored;
    for (const std::string& path : {control_socket_, dataplane_socket_})
        std::filesystem::remove(path, ignored);
    return status_done;
}

int RunSession::run() {
    start_dataplane();
    start_picketd();
    while (true) {
        std::array<pollfd, 3> watched{pollfd{signals_.descriptor(), POLLIN, 0},
                                      pollfd{dataplane_->pidfd(), POLLIN, 0},
                                      pollfd{restart_at_ ? -1 : picketd_->pidfd(), POLLIN, 0}};
        poll(watched.data(), watched.size(), wait_ms());
        if (signals_.take() != 0) return stop();
        if (const auto status = on_dataplane_end()) return *status;
        if (restart_at_ && Clock::now() >= *restart_at_) {
            start_picketd();
        } else if (!restart_at_) {
            if (const auto status = on_picketd_end()) return *status;
        }
        announce_when_ready();
    }
}

}  // namespace

int run_planes(const RunRequest& request) {
    return RunSession(request).run();
}

}  // namespace picket::cli
