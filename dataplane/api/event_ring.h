// Single-producer single-consumer ring of variable-length events in shared memory.
//
// The producer owns the data and the write position (evidence segment, read-only to the consumer); the
// consumer owns the read position (control segment). Positions are bytes since the start and never wrap
// (2^64 bytes); the data offset is position & (capacity - 1). An event never wraps around the end: where it
// would, a padding event fills the rest. Neither side trusts the other's position: a used size beyond the
// capacity means a broken peer, and the ring counts as full (producer) or broken (consumer).
//
// Thread safety: one producer thread, one consumer thread. Nothing here blocks or allocates.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "dataplane/api/abi.h"
#include "dataplane/api/events.h"

namespace picket::api {

struct alignas(cache_line) RingPosition {
    std::atomic<std::uint64_t> value{0};
    std::array<std::uint8_t, cache_line - 8> pad{};
};
static_assert(sizeof(RingPosition) == cache_line);

constexpr std::size_t round_up_8(std::size_t size) noexcept {
    return (size + 7) & ~std::size_t{7};
}

class EventRingWriter {
  public:
    // data: capacity bytes, a power of two, at least 4 * event_size_max, 8-byte aligned.
    EventRingWriter(std::byte* data, std::size_t capacity, RingPosition& write,
                    const RingPosition& read) noexcept
        : data_(data), capacity_(capacity), write_(&write), read_(&read) {}

    // Space for an event of `size` bytes (a multiple of 8, at most event_size_max), or nullptr if the ring
    // is full. What is written there becomes visible with the next publish().
    [[nodiscard]] std::byte* reserve(std::size_t size) noexcept {
        const std::size_t offset = position_ & (capacity_ - 1);
        const std::size_t to_end = capacity_ - offset;
        const std::size_t needed = size <= to_end ? size : to_end + size;
        if (free_bytes_ < needed) {
            refresh();
            if (free_bytes_ < needed) return nullptr;
        }
        if (size > to_end) {
            const std::uint32_t padding = static_cast<std::uint32_t>(to_end);
            std::memcpy(data_ + offset, &padding, sizeof padding);
            const auto kind = EventKind::padding;
            std::memcpy(data_ + offset + 4, &kind, sizeof kind);
        }
        std::byte* at = size <= to_end ? data_ + offset : data_;
        position_ += needed;
        free_bytes_ -= needed;
        return at;
    }

    // Makes all reserved events visible. Called once a burst, so that the line of the position is not
    // passed between cores for every event.
    void publish() noexcept { write_->value.store(position_, std::memory_order_release); }

    // Bytes not yet read by the consumer, the unpublished included.
    [[nodiscard]] std::size_t used() noexcept {
        refresh();
        return capacity_ - free_bytes_;
    }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    // PERF: asks the consumer, whose line lies in another core's cache, only when what was free at the last
    // asking has been used up.
    [[nodiscard]] bool has_free(std::size_t bytes) noexcept {
        if (free_bytes_ < bytes) refresh();
        return free_bytes_ >= bytes;
    }
    // Less than a quarter is free.
    [[nodiscard]] bool nearly_full() noexcept { return !has_free(capacity_ / 4); }

  private:
    void refresh() noexcept {
        const std::uint64_t used = position_ - read_->value.load(std::memory_order_acquire);
        free_bytes_ = used <= capacity_ ? capacity_ - static_cast<std::size_t>(used) : 0;
    }

    std::byte* data_;
    std::size_t capacity_;
    RingPosition* write_;
    const RingPosition* read_;
    std::uint64_t position_ = 0;
    std::size_t free_bytes_ = 0;
};

class EventRingReader {
  public:
    EventRingReader(const std::byte* data, std::size_t capacity, const RingPosition& write,
                    RingPosition& read) noexcept
        : data_(data),
          capacity_(capacity),
          write_(&write),
          read_(&read),
          position_(read.value.load(std::memory_order_relaxed)),
          // The segments come from the other process: a position between words would lead beyond the end.
          broken_(position_ % 8 != 0) {}

    // The next event, or nullptr if there is none. It stays valid until release(). Sizes are checked against
    // the ring; a ring that fails the check reports broken() and returns nullptr from then on.
    [[nodiscard]] const EventHeader* next() noexcept {
        while (!broken_) {
            const std::uint64_t available = write_->value.load(std::memory_order_acquire) - position_;
            if (available == 0) return nullptr;
            const std::size_t offset = position_ & (capacity_ - 1);
            const auto* header = reinterpret_cast<const EventHeader*>(data_ + offset);
            const std::size_t size = header->size;
            if (available > capacity_ || size < 8 || size % 8 != 0 || size > available ||
                size > capacity_ - offset) {
                broken_ = true;
                return nullptr;
            }
            position_ += size;
            if (header->kind != EventKind::padding) {
                if (size < sizeof(EventHeader)) broken_ = true;
                return broken_ ? nullptr : header;
            }
        }
        return nullptr;
    }

    // Gives the space of all events returned so far back to the producer.
    void release() noexcept { read_->value.store(position_, std::memory_order_release); }

    [[nodiscard]] bool broken() const noexcept { return broken_; }

  private:
    const std::byte* data_;
    std::size_t capacity_;
    const RingPosition* write_;
    RingPosition* read_;
    std::uint64_t position_;
    bool broken_;
};

}  // namespace picket::api
