// A lazy timer wheel: flows are filed under the earliest time at which they can end, and looked at again
// only when that time comes up. A packet never touches the wheel.
//
// Slots are 2^30 ns (1.07 s) wide; a time beyond the last slot is filed under the last one and filed again
// when it comes up. Links live in the flow table (TimerLink::next). One worker's; not thread-safe.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/flow/flow_entry.h"
#include "dataplane/flow/flow_table.h"

namespace picket::flow {

class TimerWheel {
  public:
    static constexpr unsigned tick_shift = 30;
    static constexpr std::size_t slot_count = 512;

    TimerWheel() noexcept { heads_.fill(no_index); }

    // Files the flow so that it comes up when turn(now) is called with now > at_ns, at most one tick later.
    void file(FlowTable& table, std::uint32_t cold, std::uint64_t at_ns) noexcept {
        std::uint64_t tick = (at_ns >> tick_shift) + 1;
        if (tick <= current_) tick = current_ + 1;
        if (tick >= current_ + slot_count) tick = current_ + slot_count - 1;
        auto& head = heads_[tick % slot_count];
        table.timer(cold).next = head;
        head = cold;
    }

    // Calls visit(cold index) for up to `visits_max` flows whose slots have come up by now_ns; visit must
    // file the flow again or erase it. Returns whether there is more to do at this time.
    template <typename Visit>
    bool turn(FlowTable& table, std::uint64_t now_ns, unsigned visits_max, Visit&& visit) noexcept {
        const std::uint64_t target = now_ns >> tick_shift;
        if (target > current_ + slot_count) {
            // A jump over the whole wheel: one round visits everything that is filed.
            rounds_skipped_to(target);
        }
        while (visits_max > 0) {
            if (due_ != no_index) {
                const std::uint32_t cold = due_;
                due_ = table.timer(cold).next;
                visit(cold);
                --visits_max;
                continue;
            }
            if (current_ >= target) return false;
            ++current_;
            due_ = heads_[current_ % slot_count];
            heads_[current_ % slot_count] = no_index;
        }
        return due_ != no_index || current_ < target;
    }

    // Sets the time from which slots count; before the first flow is filed.
    void start(std::uint64_t now_ns) noexcept { current_ = now_ns >> tick_shift; }

  private:
    // Moves the wheel's time forward without losing what is filed: slots keep their order relative to the
    // new time, and all of them are at most one round away.
    void rounds_skipped_to(std::uint64_t target) noexcept {
        const std::uint64_t landing = target - slot_count;
        const std::uint64_t offset = landing % slot_count;
        const std::uint64_t before = current_ % slot_count;
        current_ = landing - offset + before;
        if (current_ > landing) current_ -= slot_count;
    }

    std::array<std::uint32_t, slot_count> heads_{};
    std::uint64_t current_ = 0;     // tick whose slot has been taken
    std::uint32_t due_ = no_index;  // rest of the slot that is being visited
};

}  // namespace picket::flow
