// The flow table of one worker: from a key to its HotFlow, its ColdFlow and its timer.
//
// Memory: an array of HotFlow, opened addressing in pairs of lines (128 bytes, which adjacent-line
// prefetchers bring together), at most half full; a pool of ColdFlow and TimerLink in chunks, addressed by
// index. With `fixed` all memory is there from construction on and insert() fails at the capacity; otherwise
// (replay) the arrays grow.
//
// Position and pointer of a HotFlow are valid until the next insert() or erase(); a cold index stays for the
// life of the flow.
//
// Invariants: no entry is empty between a key's home pair and its entry; entries() <= slots / 2.
// Not thread-safe: one worker's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/flow/flow_entry.h"

namespace picket::flow {

// Anonymous mapping, backed by huge pages where the kernel has them, given back at destruction.
class PageMapping {
  public:
    PageMapping() = default;
    // Throws SetupError if there is no memory. bytes may be 0.
    explicit PageMapping(std::size_t bytes);
    ~PageMapping();
    PageMapping(PageMapping&& other) noexcept;
    PageMapping& operator=(PageMapping&& other) noexcept;
    PageMapping(const PageMapping&) = delete;
    PageMapping& operator=(const PageMapping&) = delete;
    [[nodiscard]] std::byte* data() const noexcept { return data_; }

    // Has the kernel provide every page now instead of at first touch. Throws SetupError if it cannot.
    void populate();

  private:
    std::byte* data_ = nullptr;
    std::size_t bytes_ = 0;
};

class FlowTable {
  public:
    // capacity: flows. fixed: see above; otherwise capacity is where the table begins.
    FlowTable(const KeyedHash& hash, std::size_t capacity, bool fixed);

    [[nodiscard]] std::uint64_t hash(const FlowKey& key) const noexcept { return hash_(key); }
    [[nodiscard]] const KeyedHash& hasher() const noexcept { return hash_; }

    void prefetch(std::uint64_t hash) const noexcept { __builtin_prefetch(&hot_[home(hash)], 1); }

    // The flow of this key, or nullptr. ipv6: the addresses in canonical order where family is 6.
    [[nodiscard]] HotFlow* find(const FlowKey& key, std::uint64_t hash, const Ipv6Sides* ipv6) noexcept;

    // A new entry with this key, zeroed but for key, cold index, and the cold record's ipv6 and hash.
    // REQUIRES: the key is not in the table. nullptr if the table is at its capacity, or memory ran out.
    [[nodiscard]] HotFlow* insert(const FlowKey& key, std::uint64_t hash, const Ipv6Sides* ipv6) noexcept;

    void erase(std::uint32_t cold) noexcept;

    // Removes everything.
    void clear() noexcept;

    [[nodiscard]] ColdFlow& cold(std::uint32_t index) noexcept {
        return cold_chunk(index)[index & chunk_mask];
    }
    [[nodiscard]] TimerLink& timer(std::uint32_t index) noexcept {
        return chunks_[index >> chunk_shift].timers[index & chunk_mask];
    }
    [[nodiscard]] HotFlow& hot_of(std::uint32_t cold) noexcept { return hot_[timer(cold).slot]; }

    [[nodiscard]] std::size_t entries() const noexcept { return entries_; }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] std::size_t slots() const noexcept { return mask_ + 1; }
    // Cold records that have ever been in use are among the first records(); they are given out from 0 on.
    [[nodiscard]] std::size_t records() const noexcept { return records_used_; }
    // The entry of a cold record, or nullptr if the record is not in use.
    [[nodiscard]] HotFlow* hot_in_use(std::uint32_t cold) noexcept {
        HotFlow& hot = hot_[timer(cold).slot & mask_];
        return hot.key.family != 0 && hot.cold == cold ? &hot : nullptr;
    }
    // The entry at a position of the array, or nullptr if it is empty.
    [[nodiscard]] HotFlow* at(std::size_t slot) noexcept {
        return slot <= mask_ && hot_[slot].key.family != 0 ? &hot_[slot] : nullptr;
    }

  private:
    static constexpr std::size_t chunk_shift = 12;
    static constexpr std::size_t chunk_records = std::size_t{1} << chunk_shift;
    static constexpr std::size_t chunk_mask = chunk_records - 1;
    static constexpr std::size_t chunk_bytes = chunk_records * (sizeof(ColdFlow) + sizeof(TimerLink));

    struct Chunk {
        ColdFlow* cold;
        TimerLink* timers;
    };

    [[nodiscard]] std::size_t home(std::uint64_t hash) const noexcept { return (hash * 2) & mask_; }
    [[nodiscard]] ColdFlow* cold_chunk(std::uint32_t index) noexcept {
        return chunks_[index >> chunk_shift].cold;
    }
    [[nodiscard]] std::size_t free_slot(std::uint64_t hash) const noexcept;
    [[nodiscard]] bool add_chunk() noexcept;
    [[nodiscard]] static Chunk chunk_at(std::byte* memory) noexcept;
    void free_chunk(std::size_t chunk) noexcept;
    [[nodiscard]] bool grow() noexcept;

    KeyedHash hash_;
    bool fixed_;
    std::size_t mask_ = 0;      // slots - 1
    std::size_t capacity_ = 0;  // entries that fit before the table is full or grows
    std::size_t entries_ = 0;
    std::size_t records_used_ = 0;
    PageMapping hot_memory_;
    HotFlow* hot_ = nullptr;
    std::vector<PageMapping> chunk_memory_;
    std::vector<Chunk> chunks_;
    std::uint32_t free_head_ = no_index;  // free cold records, linked by TimerLink::next
};

}  // namespace picket::flow
