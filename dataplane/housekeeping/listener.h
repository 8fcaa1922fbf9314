// The data plane's unix socket: hands the segments to a picketd that connects, one at a time.
//
// Polled by the housekeeping thread; never blocks. While one picketd is connected, others are refused with
// EBUSY; when it goes, however it goes, the next may come, and finds the read positions where they were.
#pragma once

#include <string>

#include "dataplane/housekeeping/segments.h"

namespace picket::housekeeping {

class Listener {
  public:
    // Throws SetupError if the path cannot be bound. A stale socket file, on which nobody listens, is
    // replaced.
    Listener(const std::string& path, const Segments& segments);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    enum class Change { none, connected, disconnected };
    [[nodiscard]] Change poll() noexcept;
    [[nodiscard]] bool connected() const noexcept { return peer_fd_ >= 0; }

  private:
    void greet(int fd, int status) const noexcept;

    std::string path_;
    const Segments* segments_;
    int listen_fd_ = -1;
    int peer_fd_ = -1;
};

}  // namespace picket::housekeeping
