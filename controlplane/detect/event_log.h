// What happened to the sensor: link, reload, loss, restart, connect. For `picket event show`.
//
// Thread-safe, bounded; the oldest are thrown away. Each line is also logged.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

namespace picket::detect {

struct SensorEvent {
    std::uint64_t time_ns = 0;  // UTC
    std::string kind;
    std::string text;
};

class EventLog {
  public:
    void add(const std::string& kind, const std::string& text);
    // The same of what the operator should mend; a replay, which has no later questions, prints it too.
    void warn(const std::string& kind, const std::string& text);
    [[nodiscard]] std::vector<SensorEvent> all() const;

  private:
    void keep(const std::string& kind, const std::string& text);

    mutable std::mutex mutex_;
    std::deque<SensorEvent> events_;
};

// Now, in nanoseconds of UTC.
std::uint64_t utc_now_ns();

}  // namespace picket::detect
