#include "controlplane/detect/coverage.h"

#include <algorithm>
#include <limits>

namespace picket::detect {

namespace {

constexpr std::size_t seconds_max = 200'000;
constexpr std::size_t spans_max = 10'000;
constexpr std::uint64_t second_ns = 1'000'000'000;

}  // namespace

void Coverage::connected(std::uint64_t now_ns, std::uint64_t seen_since_ns, bool replay, bool same_run) {
    const std::lock_guard lock(mutex_);
    if (since_ns_ == 0) since_ns_ = std::min(seen_since_ns, now_ns);
    if (!blind_.empty() && blind_.back().end_ns == 0) blind_.back().end_ns = now_ns;
    // The same data plane counted on while we were away, and its rings kept what they could: not blind.
    if (same_run && !blind_.empty()) blind_.pop_back();
    if (!same_run) sampled_ = false;
    replay_ = replay;
    connected_ = true;
}

void Coverage::disconnected(std::uint64_t now_ns) {
    const std::lock_guard lock(mutex_);
    if (!connected_) return;
    connected_ = false;
    if (replay_) return;
    blind_.push_back({now_ns, 0});
    while (blind_.size() > spans_max) blind_.pop_front();
}

void Coverage::told_before(std::uint64_t lost, std::uint64_t folded) {
    const std::lock_guard lock(mutex_);
    lost_before_ = lost;
    folded_before_ = folded;
    sampled_ = true;
}

Coverage::Second Coverage::sample(const CounterSnapshot& counters) {
    const std::uint64_t lost_now = counters.device_lost() + counters.analysis_lost();
    const std::uint64_t folded_now = counters.folded();
    const std::lock_guard lock(mutex_);
    // A data plane that we met late may have lost before: that belongs to the time before us, and is told
    // in the first second that we know of.
    const std::uint64_t lost = lost_now - std::min(lost_now, sampled_ ? lost_before_ : 0);
    const std::uint64_t folded = folded_now - std::min(folded_now, sampled_ ? folded_before_ : 0);
    sampled_ = true;
    lost_before_ = lost_now;
    folded_before_ = folded_now;
    lost_total_ += lost;
    folded_total_ += folded;
    const Second second{counters.taken_ns, lost, folded};
    if (lost > 0 || folded > 0) {
        seconds_.push_back(second);
        while (seconds_.size() > seconds_max) seconds_.pop_front();
    }
    return second;
}

CoverageAnswer Coverage::answer(std::optional<std::uint64_t> since_ns, std::optional<std::uint64_t> until_ns,
                                std::uint64_t now_ns) const {
    const std::lock_guard lock(mutex_);
    CoverageAnswer answer;
    if (replay_) {
        answer.lost = lost_total_;
        answer.folded = folded_total_;
        return answer;
    }
    const std::uint64_t begin = since_ns.value_or(since_ns_ == 0 ? started_ns_ : since_ns_);
    const std::uint64_t end = std::min(until_ns.value_or(now_ns), now_ns);
    for (const auto& second : seconds_) {
        // A sample stands for the second before it.
        if (second.time_ns < begin || second.time_ns >= end + second_ns) continue;
        answer.lost += second.lost;
        answer.folded += second.folded;
    }
    std::uint64_t blind_ns = 0;
    const auto add_blind = [&](std::uint64_t from, std::uint64_t to) {
        from = std::max(from, begin);
        to = std::min(to, end);
        if (from < to) blind_ns += to - from;
    };
    add_blind(0, since_ns_ == 0 ? now_ns : since_ns_);
    for (const auto& span : blind_) add_blind(span.begin_ns, span.end_ns == 0 ? now_ns : span.end_ns);
    answer.seconds_blind = static_cast<double>(blind_ns / 1'000'000) / 1e3;
    return answer;
}

std::uint64_t Coverage::since_ns() const {
    const std::lock_guard lock(mutex_);
    return since_ns_;
}

}  // namespace picket::detect
