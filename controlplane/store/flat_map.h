// A hash map of two flat arrays: the entries in the order of their insertion, and cells that lead to them.
//
//   cells    | hash, position | 0, none | hash, position | ...   a power of two, at most three quarters in
//   use entries  | key, value | key, value | ...                     dense; erasing moves the last one into
//   the gap
//
// For the drain path, where node-based maps would cost an allocation and a cache miss more a record. The
// hash is keyed with a secret of the process, because addresses and flow ids come from the wire. References
// are valid until the next insertion or erasure. Not thread-safe. Key and Value are copied around freely.
// At most 2^32 - 1 entries.
//
// PERF: entries are compared only where 32 bits of the hash are equal, and growing neither hashes nor reads
// an entry: the new cells are written in two rising streams. With the entries in the probed array itself,
// counting 900,000 talkers of 56 bytes took 245 ms of a replay, page faults included; so it takes 163.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

#include "controlplane/store/large_pages.h"
#include "dataplane/api/abi.h"

namespace picket::store {

// Random, drawn once a process.
inline std::uint64_t hash_secret() {
    static const std::uint64_t secret = [] {
        std::random_device device;
        return (std::uint64_t{device()} << 32) ^ device();
    }();
    return secret;
}

inline std::uint64_t mix_words(std::uint64_t a, std::uint64_t b) noexcept {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a ^ 0x9e3779b97f4a7c15) * (b ^ 0xe7037ed1a0b428db);
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

struct FlatHash {
    std::uint64_t secret = hash_secret();

    std::uint64_t operator()(std::uint64_t key) const noexcept { return mix_words(key ^ secret, secret); }
    std::uint64_t operator()(const api::Address& address) const noexcept {
        std::uint64_t high = 0;
        std::uint64_t low = 0;
        std::memcpy(&high, address.bytes.data(), 8);
        std::memcpy(&low, address.bytes.data() + 8, 8);
        return mix_words(mix_words(low ^ secret, secret) ^ high, secret);
    }
    // Keys of several fields bring their own words.
    template <typename Key>
    requires requires(const Key& key, const FlatHash& hash) { key.hash(hash); }
    std::uint64_t operator()(const Key& key) const noexcept { return key.hash(*this); }
};

template <typename Key, typename Value, typename Hash = FlatHash>
class FlatMap {
  public:
    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
    [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }

    // Room for so many entries without moving them. Takes address space, and memory only once it is used.
    void reserve(std::size_t count) { entries_.reserve(count); }

    [[nodiscard]] Value* find(const Key& key) noexcept {
        if (entries_.empty()) return nullptr;
        const Cell cell = cells_[locate(key, hash_of(key))];
        return cell.position != none ? &entries_[cell.position].second : nullptr;
    }
    [[nodiscard]] const Value* find(const Key& key) const noexcept {
        return const_cast<FlatMap*>(this)->find(key);
    }

    // The value of key, default-constructed if it was not there.
    Value& operator[](const Key& key) { return *find_or_add(key, SIZE_MAX); }

    // The same, but nullptr if it was not there and there are size_max entries already.
    Value* find_or_add(const Key& key, std::size_t size_max) {
        if ((entries_.size() + 1) * 4 > cells_.size() * 3) grow();
        const std::uint32_t hash = hash_of(key);
        Cell& cell = cells_[locate(key, hash)];
        if (cell.position == none) {
            if (entries_.size() >= size_max) return nullptr;
            entries_.emplace_back(key, Value{});
            cell = {hash, static_cast<std::uint32_t>(entries_.size() - 1)};
        }
        return &entries_[cell.position].second;
    }

    bool erase(const Key& key) {
        if (entries_.empty()) return false;
        const std::size_t hole = locate(key, hash_of(key));
        const std::uint32_t position = cells_[hole].position;
        if (position == none) return false;
        close_gap(hole);
        const auto last = static_cast<std::uint32_t>(entries_.size() - 1);
        if (position != last) {
            cells_[locate(entries_[last].first, hash_of(entries_[last].first))].position = position;
            entries_[position] = std::move(entries_[last]);
        }
        entries_.pop_back();
        return true;
    }

    void clear() {
        cells_.clear();
        entries_.clear();
    }

    void prefetch(const Key& key) const noexcept {
        if (!cells_.empty()) __builtin_prefetch(&cells_[hash_of(key) & mask()], 1);
    }

    template <typename Visit>
    void for_each(Visit&& visit) const {
        for (const auto& [key, value] : entries_) visit(key, value);
    }

  private:
    static constexpr std::uint32_t none = 0xffffffff;
    struct Cell {
        std::uint32_t hash = 0;
        std::uint32_t position = none;  // of the entry
    };

    [[nodiscard]] std::size_t mask() const noexcept { return cells_.size() - 1; }
    [[nodiscard]] std::uint32_t hash_of(const Key& key) const noexcept {
        return static_cast<std::uint32_t>(hash_(key));
    }

    // The key's cell, or the free one where its probing ends.
    [[nodiscard]] std::size_t locate(const Key& key, std::uint32_t hash) const noexcept {
        std::size_t at = hash & mask();
        while (cells_[at].position != none &&
               (cells_[at].hash != hash || !(entries_[cells_[at].position].first == key))) {
            at = (at + 1) & mask();
        }
        return at;
    }

    // Frees a cell and moves later ones back, so that no probing ends before what it looks for.
    void close_gap(std::size_t hole) noexcept {
        for (std::size_t next = (hole + 1) & mask(); cells_[next].position != none;
             next = (next + 1) & mask()) {
            const std::size_t home = cells_[next].hash & mask();
            // The cell may move back if its home is not between the hole and itself.
            if (((next - home) & mask()) < ((next - hole) & mask())) continue;
            cells_[hole] = cells_[next];
            hole = next;
        }
        cells_[hole] = {};
    }

    void grow() {
        // PERF: cells for all reserved room at once, once there are many: each size that comes between is
        // memory that the kernel clears for nothing.
        constexpr std::size_t many = std::size_t{1} << 17;
        std::size_t size = cells_.empty() ? 16 : cells_.size() * 2;
        if (size > many) size = std::max(size, std::bit_ceil(entries_.capacity() * 4 / 3 + 1));
        std::vector<Cell, LargePages<Cell>> old(size);
        old.swap(cells_);
        for (const Cell& cell : old) {
            if (cell.position == none) continue;
            std::size_t at = cell.hash & mask();
            while (cells_[at].position != none) at = (at + 1) & mask();
            cells_[at] = cell;
        }
    }

    std::vector<Cell, LargePages<Cell>> cells_;
    std::vector<std::pair<Key, Value>, LargePages<std::pair<Key, Value>>> entries_;
    Hash hash_;
};

}  // namespace picket::store
