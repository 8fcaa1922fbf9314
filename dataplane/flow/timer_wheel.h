// A lazy timer wheel: flows are filed under the earliest time at which they can end, and looked at again
// only when that time comes up. A packet never touches the wheel.
//
// Slots are 2^30 ns (1.07 s) wide; a time beyond the last slot is filed under the last one and filed again
// when it comes up. A slot is a chain of pages, one cache line each, that hold the indices of cold records:
//
//    0       4       8                                              64
//   +-------+-------+-------+-------+------------------------+-------+
//   | next  | count | cold  | cold  | ...                    | cold  |   14 flows a page
//   +-------+-------+-------+-------+------------------------+-------+
//
// PERF: a list linked through the flows makes every visit wait for the line of the flow before; pages are
// read in sequence, so that the lines of a batch of flows can be fetched at once.
//
// Invariant: a flow is filed at most once. One worker's; not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/flow/page_mapping.h"

namespace picket::flow {

class TimerWheel {
  public:
    static constexpr unsigned tick_shift = 30;
    static constexpr std::size_t slot_count = 512;

    TimerWheel() noexcept;

    // Memory for so many flows; what is there already stays. False if there is none: file() must not be
    // called for more flows than the last success said.
    [[nodiscard]] bool provide(std::size_t flows) noexcept;
    // Has the kernel give all pages now. Throws SetupError.
    void populate();
    [[nodiscard]] std::size_t provided() const noexcept { return flows_provided_; }

    // Files the flow so that it is taken when take(now) is called with now > at_ns, at most one tick later.
    void file(std::uint32_t cold, std::uint64_t at_ns) noexcept;

    // Takes up to out.size() flows whose slots have come up by now_ns; each must be filed again or forgotten.
    // Returns how many; fewer than out.size() means that nothing more is due.
    std::size_t take(std::uint64_t now_ns, std::span<std::uint32_t> out) noexcept;

    // Sets the time from which slots count; before the first flow is filed.
    void start(std::uint64_t now_ns) noexcept { current_ = now_ns >> tick_shift; }
    // Forgets all flows; memory stays.
    void clear() noexcept;

  private:
    static constexpr std::uint32_t no_page = 0xffffffff;
    static constexpr std::size_t flows_a_page = 14;
    static constexpr std::size_t chunk_shift = 12;
    static constexpr std::size_t chunk_pages = std::size_t{1} << chunk_shift;

    struct alignas(64) Page {
        std::uint32_t next;
        std::uint32_t count;
        std::array<std::uint32_t, flows_a_page> cold;
    };
    static_assert(sizeof(Page) == 64, "a page is a cache line");

    [[nodiscard]] Page& page(std::uint32_t index) noexcept {
        return chunks_[index >> chunk_shift][index & (chunk_pages - 1)];
    }
    [[nodiscard]] std::uint32_t take_page() noexcept;
    void give_back(std::uint32_t index) noexcept;
    void skip_rounds_to(std::uint64_t target) noexcept;

    std::array<std::uint32_t, slot_count> heads_{};
    std::vector<PageMapping> memory_;
    std::vector<Page*> chunks_;
    std::size_t flows_provided_ = 0;
    std::uint32_t pages_used_ = 0;       // pages from here on were never in use
    std::uint32_t free_head_ = no_page;  // pages that were given back
    std::uint64_t current_ = 0;          // tick whose slot has been taken
    std::uint32_t due_ = no_page;        // rest of the slot that is being taken
};

}  // namespace picket::flow
