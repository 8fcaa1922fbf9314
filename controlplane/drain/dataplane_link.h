// The connection to a data plane: its socket, and the segments that it hands over.
//
// Not thread-safe; the drain thread owns it. The segments outlive the connection, so that what a dead data
// plane left in its rings can still be drained.
#pragma once

#include <memory>
#include <string>

#include "controlplane/drain/segments.h"

namespace picket::drain {

enum class LinkResult : std::uint8_t {
    connected,
    absent,   // nobody listens there (yet)
    busy,     // another picketd is connected
    refused,  // not a data plane that we can work with: waiting will not help
};

class DataplaneLink {
  public:
    DataplaneLink() = default;
    ~DataplaneLink();
    DataplaneLink(const DataplaneLink&) = delete;
    DataplaneLink& operator=(const DataplaneLink&) = delete;

    // On failure `error` is a sentence that names the socket.
    LinkResult connect(const std::string& path, std::string& error);
    void disconnect();

    // False once the data plane has closed the connection or died.
    [[nodiscard]] bool alive();
    [[nodiscard]] const std::shared_ptr<Segments>& segments() const noexcept { return segments_; }

  private:
    int socket_ = -1;
    std::shared_ptr<Segments> segments_;
};

}  // namespace picket::drain
