#include "dataplane/flow/flow_table.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <span>
#include <string>
#include <utility>

#include "dataplane/api/setup_error.h"

namespace picket::flow {

FlowTable::FlowTable(const KeyedHash& hash, std::size_t capacity, bool fixed) : hash_(hash), fixed_(fixed) {
    const std::size_t slots = std::bit_ceil(std::max<std::size_t>(capacity * 2, 64));
    const auto pages = fixed ? PageMapping::Pages::reserved : PageMapping::Pages::growing;
    hot_memory_ = PageMapping((fixed ? slots : 2 * flows_max) * sizeof(HotFlow), pages);
    hot_ = reinterpret_cast<HotFlow*>(hot_memory_.data());
    mask_ = slots - 1;
    capacity_ = fixed ? capacity : slots / 2;
    map_records(fixed ? capacity : flows_max, pages);
    if (!fixed) {
        if (hot_memory_.provide(slots * sizeof(HotFlow))) return;
        throw SetupError("flow table",
                         "no " + std::to_string(slots * sizeof(HotFlow) >> 20) + " MiB of memory",
                         "free memory");
    }
    // PERF: pages that are first touched by packets cost a fault each: with 4 M flows and new flows only, 87
    // % of a worker's time went into clearing pages, and an AF_XDP ring overflowed at 10,000 packets a
    // second.
    for (PageMapping* memory : {&hot_memory_, &cold_memory_, &link_memory_, &far_memory_}) memory->populate();
    free_records(0, capacity);
    records_there_ = capacity;
}

void FlowTable::map_records(std::size_t records, PageMapping::Pages pages) {
    cold_memory_ = PageMapping(records * sizeof(ColdFlow), pages);
    link_memory_ = PageMapping(records * sizeof(ColdLink), pages);
    far_memory_ = PageMapping(records * sizeof(FarFlow), pages);
    cold_ = reinterpret_cast<ColdFlow*>(cold_memory_.data());
    links_ = reinterpret_cast<ColdLink*>(link_memory_.data());
    far_ = reinterpret_cast<FarFlow*>(far_memory_.data());
    records_max_ = std::min({cold_memory_.bytes() / sizeof(ColdFlow), link_memory_.bytes() / sizeof(ColdLink),
                             far_memory_.bytes() / sizeof(FarFlow), records});
}

HotFlow* FlowTable::find(const FlowKey& key, std::uint64_t hash, const Ipv6Sides* ipv6) noexcept {
    for (std::size_t slot = home(hash);; slot = (slot + 1) & mask_) {
        HotFlow& hot = hot_[slot];
        if (hot.key == key && (ipv6 == nullptr || far(hot.cold).ipv6 == *ipv6)) return &hot;
        if (hot.key.family == 0) return nullptr;
    }
}

HotFlow* FlowTable::insert(const FlowKey& key, std::uint64_t hash, const Ipv6Sides* ipv6) noexcept {
    if (entries_ >= capacity_ && (fixed_ || !grow())) return nullptr;
    if (free_head_ == no_index && !add_records()) return nullptr;
    const std::uint32_t index = free_head_;
    free_head_ = link(index).next_free;
    records_used_ = std::max<std::size_t>(records_used_, index + std::size_t{1});
    const std::size_t slot = free_slot(hash);
    HotFlow& hot = hot_[slot];
    hot.key = key;
    hot.cold = index;
    link(index) = {no_index, static_cast<std::uint32_t>(slot)};
    if (ipv6 != nullptr) far(index).ipv6 = *ipv6;
    // PERF: the next flow begins in a record that has not been touched for as long as a flow lives.
    if (free_head_ != no_index) {
        prefetch_record(free_head_);
        prefetch_link(free_head_);
    }
    ++entries_;
    return &hot;
}

// Removes without tombstones: later entries of the same run move up, so that lookups stay short however
// long the table lives (Knuth, TAOCP vol. 3, §6.4, algorithm R).
void FlowTable::erase(std::uint32_t index) noexcept {
    std::size_t hole = link(index).slot;
    link(index).next_free = free_head_;
    free_head_ = index;
    --entries_;
    for (std::size_t slot = (hole + 1) & mask_; hot_[slot].key.family != 0; slot = (slot + 1) & mask_) {
        const std::size_t wanted = home(hash_(hot_[slot].key));
        // Distance from home to where it is now; it may move if the hole is not before its home.
        if (((slot - wanted) & mask_) < ((slot - hole) & mask_)) continue;
        hot_[hole] = hot_[slot];
        link(hot_[hole].cold).slot = static_cast<std::uint32_t>(hole);
        hole = slot;
    }
    hot_[hole].key = FlowKey{};
}

void FlowTable::clear() noexcept {
    for (std::size_t slot = 0; slot <= mask_; ++slot) {
        if (hot_[slot].key.family == 0) continue;
        link(hot_[slot].cold).next_free = free_head_;
        free_head_ = hot_[slot].cold;
        hot_[slot].key = FlowKey{};
    }
    entries_ = 0;
}

std::size_t FlowTable::free_slot(std::uint64_t hash) const noexcept {
    std::size_t slot = home(hash);
    while (hot_[slot].key.family != 0) slot = (slot + 1) & mask_;
    return slot;
}

bool FlowTable::add_records() noexcept {
    const std::size_t end = std::min(records_there_ + records_a_step, records_max_);
    if (fixed_ || end == records_there_) return false;
    // PERF: a first touch of each page, then a copy of the zero page where it was read before: 257 ms of a
    // replay with 900,000 flows. FarFlow is left out: most flows never use it.
    if (!cold_memory_.provide(end * sizeof(ColdFlow)) || !link_memory_.provide(end * sizeof(ColdLink)))
        return false;
    free_records(records_there_, end);
    records_there_ = end;
    return true;
}

// Puts the records before the free ones, the lowest first.
void FlowTable::free_records(std::size_t begin, std::size_t end) noexcept {
    for (std::size_t i = end; i-- > begin;) {
        const auto index = static_cast<std::uint32_t>(i);
        link(index).next_free = free_head_;
        free_head_ = index;
    }
}

// Doubles the array where it lies. A flow's home stays, or moves up by the old size; so every run of entries
// is taken out and filed again: what stays finds room in its own run, what moves lies in new lines.
//
// PERF: only the new half is cleared, and runs come in order. A new array each time had twice the memory
// cleared, of 900,000 flows 256 MiB instead of 128, and both at once.
bool FlowTable::grow() noexcept {
    const std::size_t slots_old = mask_ + 1;
    if (!hot_memory_.provide(slots_old * 2 * sizeof(HotFlow))) return false;
    std::size_t start = 0;  // behind an empty entry, so that no run is met in its middle
    while (hot_[start].key.family != 0) ++start;
    mask_ = slots_old * 2 - 1;
    capacity_ = slots_old;
    ++growths_;
    // A run longer than this is filed in pieces, which only one across the end of the array would not bear;
    // of an array half full one in 10^40 is so long.
    std::array<HotFlow, 512> run;
    for (std::size_t done = 0; done < slots_old;) {
        std::size_t length = 0;
        for (; done < slots_old && length < run.size(); ++done) {
            HotFlow& hot = hot_[(start + done) & (slots_old - 1)];
            if (hot.key.family == 0) break;
            run[length++] = hot;
            hot.key = FlowKey{};
        }
        for (const HotFlow& hot : std::span(run).first(length)) {
            const std::size_t slot = free_slot(hash_(hot.key));
            hot_[slot] = hot;
            link(hot.cold).slot = static_cast<std::uint32_t>(slot);
        }
        if (length == 0) ++done;
    }
    return true;
}

}  // namespace picket::flow
