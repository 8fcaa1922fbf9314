// Hits that are counted instead of written one by one, because the event ring is nearly full.
//
// The first hit of a rule (or of watch lists) from one client to one server port in a second is written;
// further ones of that second, and those that found no room at all, are counted here and told as one
// hit_count event when the second is over. A direct-mapped table of fixed size: a hit whose slot another key
// uses is written, as without pressure. Somebody who aims at one slot gains no more than by sending from many
// addresses.
//
// Not thread-safe: one worker's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/api/events.h"

namespace picket::emit {

class HitCounter {
  public:
    HitCounter() : slots_(slot_count) {}

    // hit: ends, generation, rule, lists, first_ns, last_ns; count is 1, lost 0 or 1.
    // True if the hit was counted; else it is to be written, and is the first of its second.
    [[nodiscard]] bool count_repeated(const api::HitCountEvent& hit) noexcept;
    // A hit that found no room. False if there is no place to count it either.
    [[nodiscard]] bool count_unwritten(const api::HitCountEvent& hit) noexcept;

    // Offers what has been counted in seconds that are over by now_ns to tell(event), which returns whether
    // it could be told, and frees those slots. Looks at a bounded number of slots; all: at every one,
    // whatever its second. Nearly free while nothing is counted.
    template <typename Tell>
    void turn(std::uint64_t now_ns, bool all, Tell&& tell) noexcept {
        if (used_ == 0) return;
        const std::size_t visits = all ? slot_count : visits_a_turn;
        for (std::size_t i = 0; i < visits; ++i) {
            Slot& slot = slots_[next_++ % slot_count];
            if (!slot.used || (!all && now_ns < slot.begin_ns + second_ns)) continue;
            if (slot.hits.count != 0 && !tell(slot.hits)) continue;
            slot = Slot{};
            --used_;
        }
    }

    // Hits ever counted.
    [[nodiscard]] std::uint64_t total() const noexcept { return total_; }
    [[nodiscard]] std::uint64_t waiting() const noexcept { return used_; }

    static constexpr std::size_t slot_count = 512;

  private:
    static constexpr std::uint64_t second_ns = 1'000'000'000;
    static constexpr std::size_t visits_a_turn = 16;

    struct Slot {
        api::HitCountEvent hits;
        std::uint64_t begin_ns = 0;  // of the second, by the hit that was written
        bool used = false;
    };

    [[nodiscard]] Slot& slot_of(const api::HitCountEvent& hit) noexcept;
    void take(Slot& slot, const api::HitCountEvent& hit) noexcept;
    void add(Slot& slot, const api::HitCountEvent& hit) noexcept;

    std::vector<Slot> slots_;
    std::size_t next_ = 0;
    std::uint64_t used_ = 0;
    std::uint64_t total_ = 0;
};

}  // namespace picket::emit
