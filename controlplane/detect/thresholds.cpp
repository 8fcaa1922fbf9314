#include "controlplane/detect/thresholds.h"

#include <algorithm>

#include "controlplane/detect/alert_table.h"

namespace picket::detect {

namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;
constexpr unsigned spared_max = 8;  // states that are looked at to find one whose window is over

}  // namespace

Thresholds::Key Thresholds::key_of(rules::ThresholdTrack track, const Hit& hit) {
    Key key;
    key.rule = std::uint64_t{hit.gid} << 32 | hit.sid;
    switch (track) {
        case rules::ThresholdTrack::source:
            key.first = hit.source;
            break;
        case rules::ThresholdTrack::destination:
            key.first = hit.destination;
            break;
        case rules::ThresholdTrack::both:  // the pair, whoever of the two sent
            key.first = std::min(hit.source, hit.destination);
            key.second = std::max(hit.source, hit.destination);
            break;
        case rules::ThresholdTrack::rule:
            break;
    }
    return key;
}

void Thresholds::evict(std::uint64_t time_ns) {
    for (unsigned spared = 0; spared < spared_max; ++spared) {
        if (states_.find(order_.front())->end_ns <= time_ns) break;
        order_.push_back(order_.front());
        order_.pop_front();
    }
    if (states_.find(order_.front())->end_ns > time_ns) evicted_.fetch_add(1, std::memory_order_relaxed);
    states_.erase(order_.front());
    order_.pop_front();
}

Thresholds::State& Thresholds::state_of(const Key& key, std::uint64_t time_ns) {
    if (State* found = states_.find(key)) return *found;
    if (states_.size() >= states_max_) evict(time_ns);
    order_.push_back(key);
    return states_[key];
}

std::uint64_t Thresholds::alerts(const rules::Threshold& threshold, State& state, std::uint64_t time_ns,
                                 std::uint64_t hits) const {
    const std::uint64_t window_ns = threshold.seconds * second_ns;
    if (!state.used || time_ns >= state.end_ns) {
        const bool silent = time_ns > state.last_ns + window_ns;
        state.previous = !state.used || silent ? 0 : state.count;
        state.count = 0;
        state.end_ns = time_ns + window_ns;
        state.used = true;
    }
    state.last_ns = std::max(state.last_ns, time_ns);
    const std::uint64_t before = state.count;
    const std::uint64_t after = before + hits;
    state.count = after;
    const auto beyond = [&](std::uint64_t count) {
        return count > threshold.count ? count - threshold.count : 0;
    };
    switch (threshold.type) {
        case rules::ThresholdType::limit:
            return hits - (beyond(after) - beyond(before));
        case rules::ThresholdType::both:
            return before < threshold.count && threshold.count <= after ? 1 : 0;
        case rules::ThresholdType::threshold:
            state.count = after % threshold.count;
            if (snort_ && after >= threshold.count) state.end_ns = time_ns + window_ns;
            return after / threshold.count;
        case rules::ThresholdType::detection_filter:
            return snort_ && state.previous > threshold.count ? hits : beyond(after) - beyond(before);
    }
    return hits;
}

bool Thresholds::apply(const rules::Threshold& threshold, Hit& hit) {
    State& state = state_of(key_of(threshold.track, hit), hit.time_ns);
    std::uint64_t kept = alerts(threshold, state, hit.time_ns, 1);
    if (hit.count > 1) {
        kept += alerts(threshold, state, std::max(hit.time_ns, hit.last_ns), hit.count - 1);
        hit.lost_count = std::min(hit.lost_count, kept);
        hit.flow_lost = hit.lost_count > 0;
    }
    suppressed_.fetch_add(hit.count - kept, std::memory_order_relaxed);
    hit.count = kept;
    return kept > 0;
}

}  // namespace picket::detect
