// A hash map in one flat array: open addressing, linear probing, erasure by shifting back.
//
// For the drain path, where node-based maps would cost an allocation and a cache miss more a record. The
// hash is keyed with a secret of the process, because addresses and flow ids come from the wire. References
// are valid until the next insertion or erasure. Not thread-safe. Key and Value are copied around freely.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

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
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

    [[nodiscard]] Value* find(const Key& key) noexcept {
        if (size_ == 0) return nullptr;
        const std::size_t at = locate(key);
        return used_[at] ? &slots_[at].second : nullptr;
    }
    [[nodiscard]] const Value* find(const Key& key) const noexcept {
        return const_cast<FlatMap*>(this)->find(key);
    }

    // The value of key, default-constructed if it was not there.
    Value& operator[](const Key& key) {
        if ((size_ + 1) * 8 > slots_.size() * 7) grow();
        const std::size_t at = locate(key);
        if (!used_[at]) {
            used_[at] = 1;
            slots_[at] = {key, Value{}};
            ++size_;
        }
        return slots_[at].second;
    }

    bool erase(const Key& key) {
        if (size_ == 0) return false;
        std::size_t hole = locate(key);
        if (!used_[hole]) return false;
        std::size_t next = (hole + 1) & mask();
        while (used_[next]) {
            const std::size_t home = hash_(slots_[next].first) & mask();
            // The entry may move back if its home is not between the hole and itself.
            if (((next - home) & mask()) >= ((next - hole) & mask())) {
                slots_[hole] = std::move(slots_[next]);
                hole = next;
            }
            next = (next + 1) & mask();
        }
        used_[hole] = 0;
        slots_[hole] = {};
        --size_;
        return true;
    }

    void clear() {
        slots_.clear();
        used_.clear();
        size_ = 0;
    }

    void prefetch(const Key& key) const noexcept {
        if (!slots_.empty()) __builtin_prefetch(&slots_[hash_(key) & mask()], 1);
    }

    template <typename Visit>
    void for_each(Visit&& visit) const {
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            if (used_[i]) visit(slots_[i].first, slots_[i].second);
        }
    }

  private:
    [[nodiscard]] std::size_t mask() const noexcept { return slots_.size() - 1; }

    [[nodiscard]] std::size_t locate(const Key& key) const noexcept {
        std::size_t at = hash_(key) & mask();
        while (used_[at] && !(slots_[at].first == key)) at = (at + 1) & mask();
        return at;
    }

    void grow() {
        std::vector<std::pair<Key, Value>> old_slots(slots_.empty() ? 16 : slots_.size() * 2);
        std::vector<std::uint8_t> old_used(old_slots.size());
        old_slots.swap(slots_);
        old_used.swap(used_);
        for (std::size_t i = 0; i < old_slots.size(); ++i) {
            if (!old_used[i]) continue;
            const std::size_t at = locate(old_slots[i].first);
            used_[at] = 1;
            slots_[at] = std::move(old_slots[i]);
        }
    }

    std::vector<std::pair<Key, Value>> slots_;
    std::vector<std::uint8_t> used_;
    std::size_t size_ = 0;
    Hash hash_;
};

}  // namespace picket::store
