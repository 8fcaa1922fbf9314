#include "dataplane/flow/timer_wheel.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

namespace picket::flow {

TimerWheel::TimerWheel() noexcept {
    heads_.fill(no_page);
}

bool TimerWheel::provide(std::size_t flows) noexcept {
    // Every slot and the one that is being taken can have a page that is not full.
    const std::size_t pages = flows / flows_a_page + 1 + slot_count + 1;
    try {
        const std::size_t chunks = (pages + chunk_pages - 1) >> chunk_shift;
        while (chunks_.size() < chunks) {
            // One mapping for what is asked for at once: large pages cannot span mappings.
            const std::size_t missing = chunks - chunks_.size();
            memory_.emplace_back(missing * chunk_pages * sizeof(Page));
            chunks_.reserve(chunks);
            for (std::size_t i = 0; i < missing; ++i) {
                chunks_.push_back(reinterpret_cast<Page*>(memory_.back().data()) + i * chunk_pages);
            }
        }
    } catch (const std::exception&) {
        return false;
    }
    flows_provided_ = std::max(flows_provided_, flows);
    return true;
}

void TimerWheel::populate() {
    for (auto& memory : memory_) memory.populate();
}

std::uint32_t TimerWheel::take_page() noexcept {
    if (free_head_ == no_page) return pages_used_++;
    const std::uint32_t index = free_head_;
    free_head_ = page(index).next;
    return index;
}

void TimerWheel::give_back(std::uint32_t index) noexcept {
    page(index).next = free_head_;
    free_head_ = index;
}

void TimerWheel::file(std::uint32_t cold, std::uint64_t at_ns) noexcept {
    const std::uint64_t tick = std::clamp((at_ns >> tick_shift) + 1, current_ + 1, current_ + slot_count - 1);
    std::uint32_t& head = heads_[tick % slot_count];
    if (head == no_page || page(head).count == flows_a_page) {
        const std::uint32_t fresh = take_page();
        page(fresh).next = head;
        page(fresh).count = 0;
        head = fresh;
    }
    Page& to = page(head);
    to.cold[to.count++] = cold;
}

std::size_t TimerWheel::take(std::uint64_t now_ns, std::span<std::uint32_t> out) noexcept {
    const std::uint64_t target = now_ns >> tick_shift;
    // A jump over the whole wheel: one round takes everything that is filed.
    if (target > current_ + slot_count) skip_rounds_to(target);
    std::size_t taken = 0;
    while (taken < out.size()) {
        if (due_ == no_page) {
            if (current_ >= target) break;
            ++current_;
            due_ = std::exchange(heads_[current_ % slot_count], no_page);
            continue;
        }
        Page& from = page(due_);
        if (from.next != no_page) __builtin_prefetch(&page(from.next));
        const std::size_t count = std::min<std::size_t>(from.count, out.size() - taken);
        from.count -= static_cast<std::uint32_t>(count);
        std::memcpy(out.data() + taken, from.cold.data() + from.count, count * sizeof(std::uint32_t));
        taken += count;
        if (from.count == 0) {
            const std::uint32_t done = due_;
            due_ = from.next;
            give_back(done);
        }
    }
    return taken;
}

// Moves the wheel's time forward without losing what is filed: slots keep their order relative to the new
// time, and all of them are at most one round away.
void TimerWheel::skip_rounds_to(std::uint64_t target) noexcept {
    const std::uint64_t landing = target - slot_count;
    const std::uint64_t offset = landing % slot_count;
    const std::uint64_t before = current_ % slot_count;
    current_ = landing - offset + before;
    if (current_ > landing) current_ -= slot_count;
}

void TimerWheel::clear() noexcept {
    heads_.fill(no_page);
    pages_used_ = 0;
    free_head_ = no_page;
    due_ = no_page;
    current_ = 0;
}

}  // namespace picket::flow
