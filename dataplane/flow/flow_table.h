// The flow table of one worker: from a key to its HotFlow, its ColdFlow and its timer.
//
// Memory: an array of HotFlow, addressed by linear probing from the key's home line on, at most half full, so
// that three quarters of the flows or more are in their home line; arrays of ColdFlow, ColdLink and FarFlow,
// addressed by index. With `fixed` all memory is there from construction on and insert() fails at the
// capacity; otherwise (replay) the arrays grow where they lie, up to flows_max.
//
// A batch looks up in steps, so that no lookup waits for memory alone: prefetch() all, look() at home for
// all, at the next line for those that are not at home, and so on.
//
// Position and pointer of a HotFlow are valid until the next erase(), or insert() that changes growths(); a
// cold index stays for the life of the flow.
//
// Invariants: no entry is empty between a key's home and its entry; entries() <= slots / 2.
// Not thread-safe: one worker's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "dataplane/flow/flow_entry.h"
#include "dataplane/flow/page_mapping.h"

namespace picket::flow {

class FlowTable {
  public:
    static constexpr std::size_t flows_max = std::size_t{1} << 28;

    // capacity: flows. fixed: see above; otherwise capacity is where the table begins.
    FlowTable(const KeyedHash& hash, std::size_t capacity, bool fixed);

    [[nodiscard]] std::uint64_t hash(const FlowKey& key) const noexcept { return hash_(key); }
    [[nodiscard]] const KeyedHash& hasher() const noexcept { return hash_; }

    void prefetch(std::uint64_t hash) const noexcept { __builtin_prefetch(&hot_[home(hash)], 1); }

    // A step of a lookup: looks at the line so far from home. hot: the entry whose key is equal; for IPv6 the
    // addresses, which are not in it, are still to be compared (is_of()).
    struct Look {
        HotFlow* hot = nullptr;
        bool further = false;  // not found yet, and may be in the next line, which is on its way
    };
    [[nodiscard]] Look look(const FlowKey& key, std::uint64_t hash, std::size_t distance) const noexcept {
        HotFlow& hot = hot_[(hash + distance) & mask_];
        const bool equal = hot.key == key;
        const bool further = !equal & (hot.key.family != 0);
        // PERF: no branch, because a fifth of the flows are elsewhere and nobody can tell which.
        __builtin_prefetch(&hot_[(hash + distance + (further ? 1 : 0)) & mask_], 1);
        return {equal ? &hot : nullptr, further};
    }
    void prefetch_addresses(const HotFlow& hot) noexcept { __builtin_prefetch(&far(hot.cold).ipv6); }
    // a, b: the 16 bytes of either side's address.
    [[nodiscard]] bool is_of(const HotFlow& hot, const std::uint8_t* a, const std::uint8_t* b) noexcept {
        std::array<std::uint64_t, 4> kept;
        std::array<std::uint64_t, 4> seen;
        std::memcpy(kept.data(), &far(hot.cold).ipv6, sizeof kept);
        std::memcpy(seen.data(), a, 16);
        std::memcpy(seen.data() + 2, b, 16);
        return ((kept[0] ^ seen[0]) | (kept[1] ^ seen[1]) | (kept[2] ^ seen[2]) | (kept[3] ^ seen[3])) == 0;
    }

    // The flow of this key, or nullptr. ipv6: the addresses in canonical order where family is 6.
    [[nodiscard]] HotFlow* find(const FlowKey& key, std::uint64_t hash, const Ipv6Sides* ipv6) noexcept;

    // A new entry with key, cold index and ipv6; everything else of both is undefined.
    // REQUIRES: the key is not in the table. nullptr if the table is at its capacity, or memory ran out.
    [[nodiscard]] HotFlow* insert(const FlowKey& key, std::uint64_t hash, const Ipv6Sides* ipv6) noexcept;

    void erase(std::uint32_t cold) noexcept;

    // Removes everything.
    void clear() noexcept;

    [[nodiscard]] ColdFlow& cold(std::uint32_t index) noexcept { return cold_[index]; }
    [[nodiscard]] FarFlow& far(std::uint32_t index) noexcept { return far_[index]; }
    [[nodiscard]] FlowState state_of(const HotFlow& hot) noexcept {
        return {hot, cold(hot.cold), far(hot.cold)};
    }
    [[nodiscard]] HotFlow& hot_of(std::uint32_t cold) noexcept { return hot_[link(cold).slot]; }
    [[nodiscard]] std::uint32_t slot_of(std::uint32_t cold) noexcept { return link(cold).slot; }
    [[nodiscard]] HotFlow& hot_at(std::uint32_t slot) noexcept { return hot_[slot]; }
    // Loads what erase() and a flow's record need: real loads, for many flows at a time.
    // PERF: of the prefetches of many lines in a row many do not arrive.
    void touch(std::uint32_t index, std::uint32_t slot) noexcept {
        const auto load = [](const void* from) {
            static_cast<void>(*static_cast<const volatile char*>(from));
        };
        const auto* record = reinterpret_cast<const std::byte*>(&cold(index));
        for (std::size_t at = 0; at < sizeof(ColdFlow); at += 64) load(record + at);
        load(&hot_[(slot + 1) & mask_].key.family);
    }
    void prefetch_link(std::uint32_t cold) noexcept { __builtin_prefetch(&link(cold), 1); }
    // All that an ordinary flow has in its cold record; for what else there is see ColdFlow.
    void prefetch_record(std::uint32_t index) noexcept {
        const auto* record = reinterpret_cast<const std::byte*>(&cold(index));
        for (std::size_t at = 0; at < sizeof(ColdFlow); at += 64) {
            __builtin_prefetch(record + at, 1);
        }
    }
    void prefetch_http(std::uint32_t index) noexcept { __builtin_prefetch(&cold(index).http_state, 1); }
    // What of the record a packet brings news to: its side, and of TCP flags and history.
    void prefetch_news(std::uint32_t index, unsigned side, bool tcp) noexcept {
        const ColdFlow& record = cold(index);
        __builtin_prefetch(&record.sides[side], 1);
        if (!tcp) return;
        __builtin_prefetch(&record.flags, 1);
        __builtin_prefetch(&record.history, 1);
    }
    // How often the table has grown so far: every entry moves then.
    [[nodiscard]] std::uint32_t growths() const noexcept { return growths_; }

    [[nodiscard]] std::size_t entries() const noexcept { return entries_; }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] std::size_t slots() const noexcept { return mask_ + 1; }
    // Cold records that have ever been in use are among the first records(); they are given out from 0 on.
    [[nodiscard]] std::size_t records() const noexcept { return records_used_; }
    // The entry of a cold record, or nullptr if the record is not in use.
    [[nodiscard]] HotFlow* hot_in_use(std::uint32_t cold) noexcept {
        HotFlow& hot = hot_[link(cold).slot & mask_];
        return hot.key.family != 0 && hot.cold == cold ? &hot : nullptr;
    }
    // The entry at a position of the array, or nullptr if it is empty.
    [[nodiscard]] HotFlow* at(std::size_t slot) noexcept {
        return slot <= mask_ && hot_[slot].key.family != 0 ? &hot_[slot] : nullptr;
    }

  private:
    static constexpr std::size_t records_a_step = 16'384;  // of the cold records two pages of 2 MiB

    [[nodiscard]] ColdLink& link(std::uint32_t index) noexcept { return links_[index]; }
    [[nodiscard]] std::size_t home(std::uint64_t hash) const noexcept { return hash & mask_; }
    [[nodiscard]] std::size_t free_slot(std::uint64_t hash) const noexcept;
    void map_records(std::size_t records, PageMapping::Pages pages);
    [[nodiscard]] bool add_records() noexcept;
    void free_records(std::size_t begin, std::size_t end) noexcept;
    [[nodiscard]] bool grow() noexcept;

    KeyedHash hash_;
    bool fixed_;
    std::size_t mask_ = 0;      // slots - 1
    std::size_t capacity_ = 0;  // entries that fit before the table is full or grows
    std::size_t entries_ = 0;
    std::size_t records_used_ = 0;
    PageMapping hot_memory_;
    HotFlow* hot_ = nullptr;
    PageMapping cold_memory_;
    PageMapping link_memory_;
    PageMapping far_memory_;
    ColdFlow* cold_ = nullptr;
    ColdLink* links_ = nullptr;
    FarFlow* far_ = nullptr;
    std::size_t records_max_ = 0;         // as far as there is address space
    std::size_t records_there_ = 0;       // as far as there is memory
    std::uint32_t free_head_ = no_index;  // free cold records, linked by ColdLink::next_free
    std::uint32_t growths_ = 0;
};

}  // namespace picket::flow
