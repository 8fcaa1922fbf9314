// A value with one writer and any number of readers, none of whom ever waits for the writer to lock.
//
// The writer makes the sequence odd, stores the words, and makes it even; a reader that saw an odd or a
// changed sequence tries again (Boehm, "Can seqlocks get along with programming language memory models?",
// MSPC 2012). The payload is copied in relaxed atomic words, so there is no data race to the language.
// T must be trivially copyable and a multiple of 8 bytes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace picket::api {

class SequenceCounter {
  public:
    void write_begin() noexcept {
        const auto now = value_.load(std::memory_order_relaxed);
        value_.store(now + 1, std::memory_order_relaxed);
        std::atomic_thread_fence(std::memory_order_release);
    }
    void write_end() noexcept {
        const auto now = value_.load(std::memory_order_relaxed);
        value_.store(now + 1, std::memory_order_release);
    }
    [[nodiscard]] std::uint64_t read_begin() const noexcept { return value_.load(std::memory_order_acquire); }
    // True if what was read since read_begin() returned `begin` is one consistent state.
    [[nodiscard]] bool read_ok(std::uint64_t begin) const noexcept {
        std::atomic_thread_fence(std::memory_order_acquire);
        return (begin & 1) == 0 && value_.load(std::memory_order_relaxed) == begin;
    }

  private:
    std::atomic<std::uint64_t> value_{0};
};

// Copies in words that are atomic each; used inside a SequenceCounter section.
template <typename T>
void store_words(T& shared, const T& from) noexcept {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) % 8 == 0 && alignof(T) >= 8);
    auto* to = reinterpret_cast<std::uint64_t*>(&shared);
    const auto* source = reinterpret_cast<const std::uint64_t*>(&from);
    for (std::size_t i = 0; i < sizeof(T) / 8; ++i) {
        std::atomic_ref<std::uint64_t>(to[i]).store(source[i], std::memory_order_relaxed);
    }
}

template <typename T>
void load_words(T& to, const T& shared) noexcept {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) % 8 == 0 && alignof(T) >= 8);
    auto* target = reinterpret_cast<std::uint64_t*>(&to);
    const auto* source = reinterpret_cast<const std::uint64_t*>(&shared);
    for (std::size_t i = 0; i < sizeof(T) / 8; ++i) {
        // __atomic_load_n instead of atomic_ref, which C++20 does not allow on const objects.
        target[i] = __atomic_load_n(&source[i], __ATOMIC_RELAXED);
    }
}

template <typename T>
class Seqlock {
  public:
    void write(const T& value) noexcept {
        sequence_.write_begin();
        store_words(value_, value);
        sequence_.write_end();
    }
    // False if the writer was busy at each of `tries` attempts (it died in the middle of a write, say).
    [[nodiscard]] bool read(T& out, unsigned tries = 100'000) const noexcept {
        while (tries-- > 0) {
            const auto begin = sequence_.read_begin();
            load_words(out, value_);
            if (sequence_.read_ok(begin)) return true;
        }
        return false;
    }

  private:
    SequenceCounter sequence_;
    T value_{};
};

}  // namespace picket::api
