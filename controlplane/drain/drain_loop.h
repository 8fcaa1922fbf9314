// The thread that keeps the connection to the data plane and drains its rings.
//
// It connects, and connects again whenever the data plane has gone; drains without a pause while there are
// events and sleeps for some milliseconds at most when there are none.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "controlplane/drain/dataplane_link.h"
#include "controlplane/drain/ring_drainer.h"

namespace picket::drain {

// Told of what happens to the connection; all calls come from the drain thread.
class LinkObserver {
  public:
    virtual ~LinkObserver() = default;
    // Before anything is drained from the new connection.
    virtual void on_connected(const std::shared_ptr<Segments>& segments, bool same_run) = 0;
    // After the rings of the data plane that went away were drained.
    virtual void on_disconnected(const std::shared_ptr<Segments>& segments) = 0;
    virtual void on_unconnected() = 0;                         // some times a second while there is none
    virtual void on_trouble(const std::string& sentence) = 0;  // a new reason why there is no connection
    virtual void on_tick(const std::shared_ptr<Segments>& segments) = 0;  // some ten times a second
    virtual void on_input_finished() = 0;  // every worker is done and the rings are empty
};

struct DrainSettings {
    std::string socket_path;
    // Replay: stop trying after this long, and on the first refusal. 0: never.
    std::chrono::milliseconds give_up_after{0};
};

struct LinkStatus {
    std::shared_ptr<Segments> segments;  // of the present or the last data plane, nullptr before the first
    bool connected = false;
    bool drained = false;         // the input has ended, and every event of it is handled
    bool input_finished = false;  // and the observer has been told
    bool given_up = false;
    std::uint64_t connections = 0;
    std::uint64_t malformed_events = 0;
    std::uint32_t broken_rings = 0;
    std::string trouble;  // why there is no connection
};

class DrainLoop {
  public:
    DrainLoop(DrainSettings settings, EventSink& sink, LinkObserver& observer);
    ~DrainLoop();

    void start();
    void stop();  // drains what is there, then ends the thread
    [[nodiscard]] LinkStatus status() const;

  private:
    using Clock = std::chrono::steady_clock;

    void run();
    bool connect();
    // True if events were handled.
    bool work();
    void note_finished();
    void lose_link();
    void tick();
    void idle();
    // Sleeps, but no longer than until stop().
    void sleep(std::chrono::microseconds time);

    DrainSettings settings_;
    EventSink& sink_;
    LinkObserver& observer_;
    DataplaneLink link_;
    std::unique_ptr<RingDrainer> drainer_;
    std::uint64_t last_run_id_ = 0;
    std::chrono::microseconds pause_{0};
    Clock::time_point started_;
    Clock::time_point next_tick_;
    std::uint64_t malformed_before_ = 0;  // of former connections

    mutable std::mutex mutex_;
    LinkStatus status_;
    std::atomic<bool> stopping_{false};
    std::condition_variable woken_;
    std::thread thread_;
};

}  // namespace picket::drain
