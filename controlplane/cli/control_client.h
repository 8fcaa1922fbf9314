// HTTP over picketd's unix socket.
//
// Every failure is a SetupError with a sentence: exit status 3 where nobody answers at the socket, else what
// picketd itself says. One client is for one thread.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/cli/json.h"

namespace picket::cli {

using Parameters = std::vector<std::pair<std::string, std::string>>;

class ControlClient {
  public:
    explicit ControlClient(std::string socket);

    // How long one answer may take. Default: 10 minutes, since queries may be large.
    void set_answer_timeout_s(unsigned seconds) { answer_timeout_s_ = seconds; }

    [[nodiscard]] Json get(const std::string& path, const Parameters& parameters = {});
    // An answer that may be no JSON.
    struct Body {
        std::string bytes;
        bool json = false;
    };
    [[nodiscard]] Body get_body(const std::string& path, const Parameters& parameters = {});
    [[nodiscard]] Json post(const std::string& path, const Parameters& parameters = {});
    // The parameters and `ips`, a text of any length, as a form.
    [[nodiscard]] Json post_ips(const std::string& path, const Parameters& parameters,
                                const std::string& ips);
    // A text as it is.
    [[nodiscard]] Json post_text(const std::string& path, const Parameters& parameters,
                                 const std::string& text);
    [[nodiscard]] Json put(const std::string& path, const std::string& body);
    [[nodiscard]] Json remove(const std::string& path, const Parameters& parameters = {});

    // Does somebody accept connections there? errno of the attempt, 0 if so.
    [[nodiscard]] static int probe(const std::string& socket);

  private:
    struct Request {
        std::string method;
        std::string path;
        Parameters parameters;
        std::string body;
        std::string content_type;
    };
    [[nodiscard]] Body exchange(const Request& request);
    [[nodiscard]] Json send(const Request& request);
    [[noreturn]] void explain_unreachable(const std::string& reason) const;

    std::string socket_;
    unsigned answer_timeout_s_ = 600;
};

// Percent-encodes everything but RFC 3986's unreserved characters: for one segment of a path.
[[nodiscard]] std::string path_segment(const std::string& text);

}  // namespace picket::cli
