// The control socket: HTTP+JSON on a unix socket, and the metrics on a TCP address where one is configured.
//
// Requests are served by a small pool of threads; the sensor is thread-safe.
#pragma once

#include <httplib.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "controlplane/sensor.h"
#include "controlplane/serve/waiters.h"

namespace picket::serve {

class ControlServer {
  public:
    // Listens at once, so that clients may connect before the sensor runs. Throws SetupError if the path is
    // taken by a living picketd, or cannot be bound. on_stop is called when a client asks picketd to leave.
    ControlServer(std::string path, Sensor& sensor, std::function<void()> on_stop);
    ~ControlServer();

    // ADDRESS:PORT, [ADDRESS]:PORT. Throws SetupError.
    void serve_metrics(const std::string& listen);
    void start();
    void stop();

  private:
    void bind();

    std::string path_;
    Sensor& sensor_;
    Waiters waiters_;
    httplib::Server server_;
    std::unique_ptr<httplib::Server> metrics_;
    std::thread thread_;
    std::thread metrics_thread_;
};

}  // namespace picket::serve
