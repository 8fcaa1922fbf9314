#include "controlplane/detect/event_log.h"

#include <spdlog/spdlog.h>

#include <chrono>

namespace picket::detect {

namespace {
constexpr std::size_t events_max = 10'000;
}

std::uint64_t utc_now_ns() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

void EventLog::add(const std::string& kind, const std::string& text) {
    spdlog::info("{}: {}", kind, text);
    keep(kind, text);
}

void EventLog::warn(const std::string& kind, const std::string& text) {
    spdlog::warn("{}: {}", kind, text);
    keep(kind, text);
}

void EventLog::keep(const std::string& kind, const std::string& text) {
    const std::lock_guard lock(mutex_);
    events_.push_back({utc_now_ns(), kind, text});
    while (events_.size() > events_max) events_.pop_front();
}

std::vector<SensorEvent> EventLog::all() const {
    const std::lock_guard lock(mutex_);
    return {events_.begin(), events_.end()};
}

}  // namespace picket::detect
