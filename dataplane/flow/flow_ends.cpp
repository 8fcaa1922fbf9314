// How flows end: by their timers, or all at once when the input is over.
#include <algorithm>
#include <array>

#include "dataplane/flow/flow_record.h"
#include "dataplane/flow/flow_tracker.h"

namespace picket::flow {
namespace {

constexpr std::size_t timer_batch = 32;
constexpr std::size_t timer_visits_max = 256;  // a burst: bounds the pause when many flows end at once

}  // namespace

void FlowTracker::emit(HotFlow& hot, api::EndReason reason, bool final) noexcept {
    if (final) sink_->flow_ending(hot, table_.cold(hot.cold));
    api::FlowRecord record;
    fill_record(table_.state_of(hot), record);
    record.end_reason = reason;
    record.final = final ? 1 : 0;
    sink_->flow_record(record);
    if (final) {
        ++ended_;
    } else {
        ++parts_cut_;
    }
}

// Filed no later than the shortest timeout from now, since a flow's timeout may become shorter (a close).
void FlowTracker::file_timer(const HotFlow& hot, std::uint64_t now_ns) noexcept {
    if (!wheel_started_) {
        wheel_.start(now_ns);
        wheel_started_ = true;
    }
    const std::uint64_t shortest = settings_.idle_timeout_ns[static_cast<std::size_t>(Activity::closed)];
    wheel_.file(hot.cold, std::min(hot.last_ns + idle_timeout(hot), now_ns + shortest));
}

bool FlowTracker::is_over(const HotFlow& hot, std::uint64_t now_ns) const noexcept {
    return (now_ns > hot.last_ns) & (now_ns - hot.last_ns > idle_timeout(hot));
}

// PERF: in rounds without a branch on what they read, so that the misses of a whole round overlap.
void FlowTracker::visit_due(std::span<const std::uint32_t> due, std::uint64_t now_ns) noexcept {
    std::array<std::uint32_t, timer_batch> slots;
    std::array<std::uint8_t, timer_batch>
        order;  // those that are over from the front, the others from the back
    for (std::size_t i = 0; i < due.size(); ++i) slots[i] = table_.slot_of(due[i]);
    std::size_t ending = 0;
    std::size_t going_on = timer_batch;
    for (std::size_t i = 0; i < due.size(); ++i) {
        const bool over = is_over(table_.hot_at(slots[i]), now_ns);
        order[ending] = static_cast<std::uint8_t>(i);
        order[going_on - 1] = static_cast<std::uint8_t>(i);
        ending += over ? 1 : 0;
        going_on -= over ? 0 : 1;
    }
    for (const std::uint8_t i : std::span(order).first(ending)) table_.touch(due[i], slots[i]);
    for (const std::uint8_t i : std::span(order).subspan(going_on)) {
        const HotFlow& hot = table_.hot_at(slots[i]);
        file_timer(hot, std::max(now_ns, hot.last_ns));
    }
    for (const std::uint8_t i : std::span(order).first(ending)) end_flow(due[i]);
}

void FlowTracker::end_flow(std::uint32_t cold) noexcept {
    HotFlow& hot = table_.hot_of(cold);
    const bool closed = activity_of(hot) == Activity::closed;
    emit(hot, closed ? api::EndReason::end_of_flow : api::EndReason::idle_timeout, true);
    table_.erase(cold);
}

bool FlowTracker::turn_wheel(std::uint64_t now_ns) noexcept {
    if (!wheel_started_) return false;
    std::array<std::uint32_t, timer_batch> due;
    for (std::size_t visits = 0; visits < timer_visits_max; visits += timer_batch) {
        const std::size_t count = wheel_.take(now_ns, due);
        visit_due(std::span(due).first(count), now_ns);
        if (count < due.size()) return false;
    }
    return true;
}

void FlowTracker::end_with_input(HotFlow& hot, std::uint64_t last_ns, bool forced) noexcept {
    ColdFlow& cold = table_.cold(hot.cold);
    const bool waited_out = is_over(hot, last_ns);
    const bool closed = activity_of(hot) == Activity::closed;
    if (!waited_out && !closed) cold.flags |= api::flow_cut_short;
    auto reason = closed ? api::EndReason::end_of_flow : api::EndReason::idle_timeout;
    if (forced && !waited_out && !closed) reason = api::EndReason::forced_end;
    emit(hot, reason, true);
}

// PERF: goes by cold record, whose lines then come in order; the entry is the one random line. By entry, each
// record waited for its own lines: 314 ms of 900,000 flows. Entries come in rounds of real loads: with
// prefetches ahead they were waited for nevertheless, 147 ms.
void FlowTracker::end_all(std::uint64_t last_ns, bool forced) noexcept {
    std::array<HotFlow*, timer_batch> round;
    for (std::size_t from = 0; from < table_.records(); from += round.size()) {
        const std::size_t count = std::min(round.size(), table_.records() - from);
        for (std::size_t i = 0; i < count; ++i)
            round[i] = table_.hot_in_use(static_cast<std::uint32_t>(from + i));
        for (HotFlow* hot : std::span(round).first(count)) {
            if (hot != nullptr) end_with_input(*hot, last_ns, forced);
        }
    }
    table_.clear();
    wheel_.clear();
    wheel_started_ = false;
}

}  // namespace picket::flow
