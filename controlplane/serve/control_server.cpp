#include "controlplane/serve/control_server.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>

#include "controlplane/archive/archive.h"
#include "controlplane/serve/alert_handlers.h"
#include "controlplane/serve/archive_handlers.h"
#include "controlplane/serve/capture_handlers.h"
#include "controlplane/serve/flow_handlers.h"
#include "controlplane/serve/http_answer.h"
#include "controlplane/serve/packet_handlers.h"
#include "controlplane/serve/probe_handlers.h"
#include "controlplane/serve/report_handlers.h"
#include "controlplane/serve/rule_cost_handler.h"
#include "controlplane/serve/rule_handlers.h"
#include "controlplane/serve/scan_handlers.h"
#include "controlplane/serve/spoof_handlers.h"
#include "controlplane/serve/status_handlers.h"
#include "dataplane/api/setup_error.h"

namespace picket::serve {

namespace {

constexpr std::size_t threads = 32;
constexpr int waiters_max = 24;                                 // long polls hold a thread each
constexpr std::size_t body_bytes_max = std::size_t{256} << 20;  // watch lists of millions
constexpr const char* group_name = "picket";
constexpr std::chrono::seconds start_patience{5};
constexpr int any_port = 80;  // a unix socket has none, the library wants a number

// Does somebody answer there?
bool is_alive(const sockaddr_un& address) {
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket < 0) return false;
    const bool alive = ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    close(socket);
    return alive;
}

void answer_errors(httplib::Server& server) {
    server.set_error_handler([](const httplib::Request& request, httplib::Response& response) {
        if (!response.body.empty()) return;
        const bool unknown = response.status == 404;
        const int status = response.status;
        send_problem(response,
                     {unknown ? "there is nothing at this path" : "the request cannot be served",
                      request.method + " " + request.path.substr(0, 200),
                      unknown ? "this picketd does not know it" : "HTTP status " + std::to_string(status),
                      "see docs/http_api.md", status, 2});
    });
    server.set_exception_handler(
        [](const httplib::Request& request, httplib::Response& response, std::exception_ptr thrown) {
            try {
                std::rethrow_exception(thrown);
            } catch (const archive::ArchiveUnreadable& error) {
                return send_problem(response, {"the archive gives no answer", request.path.substr(0, 200),
                                               error.what(), "see 'picket archive show'", 500, 4});
            } catch (...) {
                // Nothing else in a handler throws but for want of memory, or our own mistake.
            }
            send_problem(
                response,
                {"picketd could not answer", request.method + " " + request.path.substr(0, 200),
                 "an unexpected error, or not enough memory", "see picketd's log, and report it", 500, 3});
        });
}

// The library forgets a stop() that comes before its loop runs, and would then run for ever.
void await_running(const httplib::Server& server) {
    const auto deadline = std::chrono::steady_clock::now() + start_patience;
    while (!server.is_running() && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
}

}  // namespace

ControlServer::ControlServer(std::string path, Sensor& sensor, std::function<void()> on_stop)
    : path_(std::move(path)), sensor_(sensor), waiters_(waiters_max) {
    server_.new_task_queue = [] { return new httplib::ThreadPool(threads); };
    server_.set_payload_max_length(body_bytes_max);
    server_.set_tcp_nodelay(false);
    server_.set_keep_alive_timeout(2);
    add_flow_handlers(server_, sensor_);
    add_alert_handlers(server_, sensor_, waiters_);
    add_probe_handlers(server_, sensor_);
    add_packet_handlers(server_, sensor_);
    add_capture_handlers(server_, sensor_, waiters_);
    add_scan_handlers(server_, sensor_);
    add_spoof_handlers(server_, sensor_);
    add_archive_handlers(server_, sensor_);
    add_watch_handlers(server_, sensor_);
    add_rule_handlers(server_, sensor_);
    add_rule_cost_handler(server_, sensor_);
    add_status_handlers(server_, sensor_);
    add_report_handlers(server_, sensor_, waiters_);
    server_.Post("/v1/stop",
                 [on_stop = std::move(on_stop)](const httplib::Request&, httplib::Response& response) {
                     send_json(response, {{"stopping", true}});
                     on_stop();
                 });
    answer_errors(server_);
    bind();
}

ControlServer::~ControlServer() {
    stop();
}

void ControlServer::bind() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof address.sun_path) {
        throw SetupError(path_, "is too long for a unix socket", "use a path of at most 107 characters", 2);
    }
    std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
    if (is_alive(address)) {
        throw SetupError(path_, "another picketd serves this socket",
                         "stop it, or choose another --control path");
    }
    struct stat found {};
    if (lstat(path_.c_str(), &found) == 0 && S_ISSOCK(found.st_mode)) unlink(path_.c_str());
    server_.set_address_family(AF_UNIX);
    // The library creates the socket: only the umask can keep others out from the first moment on.
    const mode_t before = umask(0117);
    const bool bound = server_.bind_to_port(path_, any_port);
    const int code = errno;
    umask(before);
    if (!bound) {
        throw SetupError(path_, std::string("cannot listen there: ") + std::strerror(code),
                         "choose a --control path in a directory that picketd may write");
    }
    if (const group* members = getgrnam(group_name)) {
        // Without the right to give it away it stays with picketd's own group.
        if (chown(path_.c_str(), static_cast<uid_t>(-1), members->gr_gid) != 0) errno = 0;
    }
}

void ControlServer::serve_metrics(const std::string& listen) {
    const auto colon = listen.rfind(':');
    std::string host = listen.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    int port = 0;
    const std::string digits = colon == std::string::npos ? "" : listen.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    const bool parsed =
        error == std::errc{} && end == digits.data() + digits.size() && port > 0 && port < 65536;
    metrics_ = std::make_unique<httplib::Server>();
    metrics_->new_task_queue = [] { return new httplib::ThreadPool(2); };
    add_metrics_handler(*metrics_, sensor_);
    if (!parsed || !metrics_->bind_to_port(host, port)) {
        throw SetupError(
            "metrics.listen " + listen,
            parsed ? std::string("cannot listen there: ") + std::strerror(errno) : "is not ADDRESS:PORT",
            "choose a free local address and port, such as 127.0.0.1:9469");
    }
}

void ControlServer::start() {
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    await_running(server_);
    if (!metrics_) return;
    metrics_thread_ = std::thread([this] { metrics_->listen_after_bind(); });
    await_running(*metrics_);
}

void ControlServer::stop() {
    server_.stop();
    if (metrics_) metrics_->stop();
    if (thread_.joinable()) {
        thread_.join();
        unlink(path_.c_str());
    }
    if (metrics_thread_.joinable()) metrics_thread_.join();
}

}  // namespace picket::serve
