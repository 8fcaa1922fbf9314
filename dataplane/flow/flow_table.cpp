#include "dataplane/flow/flow_table.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <new>
#include <span>
#include <utility>

namespace picket::flow {

FlowTable::FlowTable(const KeyedHash& hash, std::size_t capacity, bool fixed) : hash_(hash), fixed_(fixed) {
    const std::size_t slots = std::bit_ceil(std::max<std::size_t>(capacity * 2, 64));
    const auto pages = fixed ? PageMapping::Pages::reserved : PageMapping::Pages::growing;
    hot_memory_ = PageMapping((fixed ? slots : slots_max) * sizeof(HotFlow), pages);
    hot_ = reinterpret_cast<HotFlow*>(hot_memory_.data());
    mask_ = slots - 1;
    capacity_ = fixed ? capacity : slots / 2;
    if (!fixed) return;
    const std::size_t chunks = (capacity + chunk_records - 1) / chunk_records;
    chunk_memory_.emplace_back(chunks * chunk_bytes, pages);
    // PERF: pages that are first touched by packets cost a fault each: with 4 M flows and new flows only, 87
    // % of a worker's time went into clearing pages, and an AF_XDP ring overflowed at 10,000 packets a
    // second.
    hot_memory_.populate();
    chunk_memory_.back().populate();
    for (std::size_t i = 0; i < chunks; ++i) {
        chunks_.push_back(chunk_at(chunk_memory_.back().data() + i * chunk_bytes));
    }
    // From the last to the first, so that the lowest record is taken first.
    for (std::size_t i = chunks; i-- > 0;) free_chunk(i);
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
    if (free_head_ == no_index && !add_chunk()) return nullptr;
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

bool FlowTable::add_chunk() noexcept {
    if (fixed_ || chunks_.size() * chunk_records >= no_index - chunk_records) return false;
    try {
        chunk_memory_.emplace_back(chunk_bytes);
        // PERF: a first touch of each page, then a copy of the zero page where it was read before: 257 ms of
        // a replay with 900,000 flows.
        chunk_memory_.back().populate(chunk_near_bytes);
        chunks_.push_back(chunk_at(chunk_memory_.back().data()));
        free_chunk(chunks_.size() - 1);
    } catch (const std::exception&) {
        return false;
    }
    return true;
}

FlowTable::Chunk FlowTable::chunk_at(std::byte* memory) noexcept {
    return {reinterpret_cast<ColdFlow*>(memory),
            reinterpret_cast<ColdLink*>(memory + chunk_records * sizeof(ColdFlow)),
            reinterpret_cast<FarFlow*>(memory + chunk_near_bytes)};
}

// Puts the chunk's records before the free ones, the lowest first.
void FlowTable::free_chunk(std::size_t chunk) noexcept {
    const auto base = static_cast<std::uint32_t>(chunk * chunk_records);
    for (std::size_t i = chunk_records; i-- > 0;) {
        const auto index = static_cast<std::uint32_t>(base + i);
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
    if (slots_old * 2 * sizeof(HotFlow) > hot_memory_.bytes()) return false;
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
