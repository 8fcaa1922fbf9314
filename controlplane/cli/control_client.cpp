#include "controlplane/cli/control_client.h"

#include <httplib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "controlplane/cli/context.h"
#include "dataplane/api/setup_error.h"

namespace picket::cli {
namespace {

std::string query_string(const Parameters& parameters) {
    std::string text;
    for (const auto& [name, value] : parameters) {
        text += (text.empty() ? "?" : "&") + path_segment(name) + "=" + path_segment(value);
    }
    return text;
}

// "what (where): why; remedy" of picketd's error document, or a sentence about an answer without one.
[[noreturn]] void throw_refusal(const std::string& socket, const std::string& path, int status,
                                const std::string& body) {
    const Json document = Json::parse(body, nullptr, false);
    const Json& error = member(document, "error");
    if (!error.is_object()) {
        throw SetupError(socket, "answered " + path + " with status " + std::to_string(status),
                         "is picketd of the same version as picket? picket -V", status_reach);
    }
    std::string object = text_at(error, "what");
    const std::string where = text_at(error, "where");
    if (!where.empty()) object += (object.empty() ? "" : " at ") + where;
    const auto exit = member(document, "exit");
    throw SetupError(object.empty() ? socket : object, text_at(error, "why"), text_at(error, "remedy"),
                     exit.is_number_integer() ? exit.get<int>() : status_usage);
}

}  // namespace

std::string path_segment(const std::string& text) {
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string result;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_' || c == '~') {
            result += c;
        } else {
            result += '%';
            result += digits[byte >> 4];
            result += digits[byte & 15];
        }
    }
    return result;
}

ControlClient::ControlClient(std::string socket) : socket_(std::filesystem::absolute(socket).string()) {
    if (socket_.size() >= sizeof(sockaddr_un::sun_path)) {
        throw SetupError(socket_, "is too long for a unix socket", "use a path of at most 107 characters",
                         status_usage);
    }
}

int ControlClient::probe(const std::string& socket) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket.size() >= sizeof address.sun_path) return ENAMETOOLONG;
    std::memcpy(address.sun_path, socket.c_str(), socket.size() + 1);
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return errno;
    const bool accepted =
        ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    const int cause = accepted ? 0 : errno;
    close(descriptor);
    return cause;
}

void ControlClient::explain_unreachable(const std::string& reason) const {
    const int cause = probe(socket_);
    if (cause == EACCES) {
        throw SetupError(socket_, "this user may not talk to picketd",
                         "join the group of the socket (picket), or use sudo", status_reach);
    }
    if (cause != 0) {
        const std::string why =
            cause == ECONNREFUSED ? "nobody listens there any more" : std::strerror(cause);
        throw SetupError(
            socket_, "no picketd can be reached: " + why,
            "start it with: picket run -c /etc/picket/picket.toml, or name another socket with -s PATH",
            status_reach);
    }
    throw SetupError(socket_, "picketd did not finish its answer (" + reason + ")",
                     "look at its log; try again once it runs", status_reach);
}

ControlClient::Body ControlClient::exchange(const Request& request) {
    httplib::Client http(socket_);
    http.set_address_family(AF_UNIX);
    http.set_connection_timeout(5);
    http.set_read_timeout(static_cast<time_t>(answer_timeout_s_));
    http.set_write_timeout(30);
    httplib::Request message;
    message.method = request.method;
    message.path = request.path + query_string(request.parameters);
    message.body = request.body;
    message.headers.emplace("Host", "picket");
    if (!request.content_type.empty()) message.headers.emplace("Content-Type", request.content_type);
    httplib::Result result = http.send(message);
    if (!result) explain_unreachable(httplib::to_string(result.error()));
    if (result->status != 200) throw_refusal(socket_, request.path, result->status, result->body);
    return {std::move(result->body),
            result->get_header_value("Content-Type").starts_with("application/json")};
}

Json ControlClient::send(const Request& request) {
    Json answer = Json::parse(exchange(request).bytes, nullptr, false);
    if (answer.is_discarded()) {
        throw SetupError(socket_, "the answer to " + request.path + " is not JSON",
                         "is picketd of the same version as picket? picket -V", status_reach);
    }
    return answer;
}

Json ControlClient::get(const std::string& path, const Parameters& parameters) {
    return send({"GET", path, parameters, "", ""});
}

ControlClient::Body ControlClient::get_body(const std::string& path, const Parameters& parameters) {
    return exchange({"GET", path, parameters, "", ""});
}

Json ControlClient::post(const std::string& path, const Parameters& parameters) {
    return send({"POST", path, parameters, "", "text/plain"});
}

Json ControlClient::post_ips(const std::string& path, const Parameters& parameters, const std::string& ips) {
    // cpp-httplib's server takes forms of 8 KiB at most: a longer list travels as the body, and the rest in
    // the address.
    Parameters form = parameters;
    form.emplace_back("ips", ips);
    const std::string body = query_string(form).substr(1);
    if (body.size() <= CPPHTTPLIB_FORM_URL_ENCODED_PAYLOAD_MAX_LENGTH) {
        return send({"POST", path, {}, body, "application/x-www-form-urlencoded"});
    }
    return send({"POST", path, parameters, ips, "text/plain"});
}

Json ControlClient::post_text(const std::string& path, const Parameters& parameters,
                              const std::string& text) {
    return send({"POST", path, parameters, text, "text/plain"});
}

Json ControlClient::put(const std::string& path, const std::string& body) {
    return send({"PUT", path, {}, body, "text/plain"});
}

Json ControlClient::remove(const std::string& path, const Parameters& parameters) {
    return send({"DELETE", path, parameters, "", ""});
}

}  // namespace picket::cli
