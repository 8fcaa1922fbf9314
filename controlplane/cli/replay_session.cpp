#include "controlplane/cli/replay_session.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <filesystem>
#include <iostream>
#include <optional>
#include <thread>

#include "controlplane/cli/child.h"
#include "controlplane/cli/context.h"
#include "controlplane/cli/control_client.h"
#include "controlplane/cli/number_text.h"
#include "controlplane/cli/siblings.h"
#include "controlplane/config/dataplane_arguments.h"
#include "controlplane/config/load.h"
#include "controlplane/config/shown_text.h"
#include "dataplane/api/setup_error.h"

namespace picket::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int connect_poll_ms = 1;
constexpr int progress_ms = 250;
constexpr int orderly_stop_ms = 10'000;
constexpr int last_words_ms = 5'000;
constexpr auto start_limit = std::chrono::seconds(60);
constexpr unsigned report_limit_s = 7 * 86'400;

double seconds_of(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double cpu_seconds(const rusage& usage) {
    return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

class ReplaySession {
  public:
    explicit ReplaySession(const ReplayRequest& request) : request_(request) {}

    Json run();

  private:
    enum : std::size_t { dataplane_at, picketd_at, signal_at, done_at };

    [[nodiscard]] std::vector<std::string> dataplane_command() const;
    [[nodiscard]] std::vector<std::string> picketd_command() const;
    void wait_until_served();
    [[nodiscard]] Json fetch_report();
    void name_as_given(Json& report) const;
    void await_report(int done);
    void stop();
    void show_progress();
    void check_signal() const;
    [[noreturn]] void fail(const Child& child) const;
    void pass_on(const Child& child) const;

    const ReplayRequest& request_;
    Clock::time_point begin_ = Clock::now();
    RuntimeDirectory directory_;
    std::string dataplane_socket_ = directory_.path() + "/dataplane.sock";
    std::string control_socket_ = directory_.path() + "/control.sock";
    SignalWatch signals_;
    std::optional<Child> dataplane_;
    std::optional<Child> picketd_;
    bool progress_shown_ = false;
};

std::vector<std::string> ReplaySession::dataplane_command() const {
    std::vector<std::string> command{find_program("picket-dataplane"),
                                     "--socket",
                                     dataplane_socket_,
                                     "--replay",
                                     "--hold",
                                     "--worker-count",
                                     std::to_string(request_.workers),
                                     "--rss-model",
                                     request_.rss_model};
    for (std::size_t i = 0; i < request_.captures.size(); ++i) {
        const std::string file = std::filesystem::absolute(request_.captures[i]).string();
        // Each is a link of its own: whether two files are the fibres of one tap is not known.
        const std::string name = "capture-" + std::to_string(i + 1);
        command.insert(command.end(), {"--port", name, name, "auto", "pcap:" + file});
    }
    config::Capture kept;
    if (!request_.config_file.empty()) {
        const auto loaded = config::load_config(request_.config_file, {.ports_required = false});
        const auto flow = config::flow_arguments(loaded.config);
        command.insert(command.end(), flow.begin(), flow.end());
        kept = loaded.config.capture;
    }
    // Nobody can ask a report for packets.
    if (!request_.archive.empty())
        command.insert(command.end(), {"--alert-packets", std::to_string(kept.alert_packets)});
    return command;
}

std::vector<std::string> ReplaySession::picketd_command() const {
    std::vector<std::string> command{find_program("picketd"), "--dataplane", dataplane_socket_, "--control",
                                     control_socket_,         "--replay",    "--owns-dataplane"};
    const auto add = [&](const char* option, const std::string& value) {
        command.emplace_back(option);
        command.push_back(value);
    };
    if (!request_.config_file.empty())
        add("--config", std::filesystem::absolute(request_.config_file).string());
    for (const std::string& file : request_.rules) add("--rules", file);
    for (const auto& [name, file] : request_.watch) add("--watch", name + "=" + file);
    if (!request_.dialect.empty()) add("--dialect", request_.dialect);
    if (!request_.eve.empty()) add("--eve", request_.eve);
    if (!request_.archive.empty()) add("--archive", std::filesystem::absolute(request_.archive).string());
    if (const auto shipped = find_shipped_rules()) add("--rules-dir", *shipped);
    return command;
}

void ReplaySession::check_signal() const {
    if (const int number = signals_.take(); number != 0) {
        throw ChildFailed(std::string("interrupted by signal ") + std::to_string(number), 128 + number);
    }
}

void ReplaySession::pass_on(const Child& child) const {
    std::cerr << config::shown_sentences(child.error_text()) << std::flush;
}

// The child has ended without being asked to.
void ReplaySession::fail(const Child& child) const {
    pass_on(child);
    throw ChildFailed(child.ending(), child.exit_status());
}

void ReplaySession::wait_until_served() {
    while (ControlClient::probe(control_socket_) != 0) {
        std::array<pollfd, 3> watched{pollfd{dataplane_->pidfd(), POLLIN, 0},
                                      pollfd{picketd_->pidfd(), POLLIN, 0},
                                      pollfd{signals_.descriptor(), POLLIN, 0}};
        poll(watched.data(), watched.size(), connect_poll_ms);
        check_signal();
        if (dataplane_->wait(0)) fail(*dataplane_);
        if (picketd_->wait(0)) fail(*picketd_);
        if (Clock::now() - begin_ > start_limit) {
            pass_on(*dataplane_);
            pass_on(*picketd_);
            throw SetupError("picketd", "did not open its socket within a minute",
                             "is the machine short of memory or CPU time?");
        }
    }
}

void ReplaySession::show_progress() {
    ControlClient client(control_socket_);
    client.set_answer_timeout_s(1);
    try {
        const Json status = client.get("/v1/status");
        const auto received = count_at(member(status, "audit"), "received");
        std::cerr << "\r\x1b[K" << grouped(received) << " packets" << std::flush;
        progress_shown_ = true;
    } catch (const std::exception&) {
        // The planes are busy or leaving: the report's own request tells which.
    }
}

// Returns when the eventfd `done` says that the report's request has ended, whichever way.
void ReplaySession::await_report(int done) {
    std::optional<Clock::time_point> limit;
    while (true) {
        std::array<pollfd, 4> watched{pollfd{dataplane_->ended() ? -1 : dataplane_->pidfd(), POLLIN, 0},
                                      pollfd{picketd_->ended() ? -1 : picketd_->pidfd(), POLLIN, 0},
                                      pollfd{signals_.descriptor(), POLLIN, 0}, pollfd{done, POLLIN, 0}};
        const int ready = poll(watched.data(), watched.size(), limit || request_.progress ? progress_ms : -1);
        if (watched[done_at].revents != 0) return;
        if (watched[signal_at].revents != 0) {
            picketd_->signal(SIGKILL);  // which ends the request
            return;
        }
        if (watched[dataplane_at].revents != 0) dataplane_->wait(0);
        if (watched[picketd_at].revents != 0) picketd_->wait(0);
        if (dataplane_->ended() || picketd_->ended()) {
            // picketd reports what it got of a data plane that is gone; the wait for that is bounded.
            if (!limit) limit = Clock::now() + std::chrono::milliseconds(last_words_ms);
            if (Clock::now() > *limit) {
                picketd_->signal(SIGKILL);
                return;
            }
        }
        if (ready == 0 && request_.progress) show_progress();
    }
}

Json ReplaySession::fetch_report() {
    const int done = eventfd(0, EFD_CLOEXEC);
    if (done < 0) throw SetupError("eventfd", std::strerror(errno), "raise 'ulimit -n'");
    Json report;
    std::exception_ptr failure;
    std::thread request([&] {
        try {
            ControlClient client(control_socket_);
            client.set_answer_timeout_s(report_limit_s);
            report = client.get("/v1/report", {{"wait", "1"}});
        } catch (...) {
            failure = std::current_exception();
        }
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = write(done, &one, sizeof one);
    });
    await_report(done);
    request.join();
    close(done);
    if (progress_shown_) std::cerr << "\r\x1b[K" << std::flush;
    check_signal();
    if (dataplane_->wait(0) && !dataplane_->succeeded()) fail(*dataplane_);
    if (failure && picketd_->wait(last_words_ms)) fail(*picketd_);
    if (failure) std::rethrow_exception(failure);
    if (const std::string sentence = text_at(report, "failed"); !sentence.empty()) {
        pass_on(*dataplane_);
        pass_on(*picketd_);
        throw SetupError("replay", sentence, "the lines above say more");
    }
    name_as_given(report);
    return report;
}

// Captures carry the paths that the user wrote, not those that the data plane was given.
void ReplaySession::name_as_given(Json& report) const {
    for (Json& capture : report["captures"]) {
        for (const std::string& file : request_.captures) {
            if (std::filesystem::absolute(file).string() != text_at(capture, "file")) continue;
            std::string error = text_at(capture, "error");
            const std::size_t named = error.find(text_at(capture, "file") + ": ");
            if (named != std::string::npos)
                capture["error"] = error.erase(named, text_at(capture, "file").size() + 2);
            capture["file"] = file;
            break;
        }
    }
}

void ReplaySession::stop() {
    try {
        ControlClient client(control_socket_);
        client.set_answer_timeout_s(orderly_stop_ms / 1000);
        const Json ignored = client.post("/v1/stop");
    } catch (const SetupError&) {
        // It may close the connection as it leaves. Whether it has left is seen below.
    }
    for (Child* child : {&*picketd_, &*dataplane_}) {
        if (child->wait(orderly_stop_ms)) continue;
        child->signal(SIGTERM);
        if (!child->wait(last_words_ms)) child->signal(SIGKILL);
        child->wait(-1);
    }
    if (!request_.quiet || !dataplane_->succeeded() || !picketd_->succeeded()) {
        pass_on(*dataplane_);
        pass_on(*picketd_);
    }
    for (const Child* child : {&*dataplane_, &*picketd_}) {
        if (!child->succeeded()) throw ChildFailed(child->ending(), child->exit_status());
    }
}

Json ReplaySession::run() {
    dataplane_.emplace(Child::Settings{dataplane_command(), ErrorText::keep, false});
    picketd_.emplace(Child::Settings{picketd_command(), ErrorText::keep, request_.eve == "-"});
    wait_until_served();
    Json report = fetch_report();
    stop();
    rusage own{};
    getrusage(RUSAGE_SELF, &own);
    report["seconds"] = {
        {"wall", std::chrono::duration<double>(Clock::now() - begin_).count()},
        {"cpu", cpu_seconds(own) + cpu_seconds(dataplane_->usage()) + cpu_seconds(picketd_->usage())}};
    return report;
}

}  // namespace

Json run_replay(const ReplayRequest& request) {
    return ReplaySession(request).run();
}

}  // namespace picket::cli
