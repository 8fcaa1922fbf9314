// The flowbits that are set on a worker's flows.
//
//   heads [hash of the flow]  ->  record -> record -> ...        one line of 64 bytes each
//                                 flow, next, count, bits[13]
//
// A flow has records only while it has bits: all others touch nothing here. Bounded: all memory is reserved
// in the constructor, and first touched when it is used. Belongs to one worker; no atomics.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace picket::match {

class FlowBits {
  public:
    // records: 13 bits of one flow each, at least 1. Throws std::bad_alloc.
    explicit FlowBits(std::size_t records);

    // flow: index of the flow's cold record. bit: from BitNames.
    [[nodiscard]] bool is_set(std::uint32_t flow, std::uint32_t bit) const noexcept;
    // False if there is no record left: the bit is not set.
    [[nodiscard]] bool set(std::uint32_t flow, std::uint32_t bit) noexcept;
    void unset(std::uint32_t flow, std::uint32_t bit) noexcept;
    // The flow has ended: its index may serve another.
    void forget(std::uint32_t flow) noexcept;

    [[nodiscard]] std::size_t records_in_use() const noexcept { return in_use_; }

  private:
    static constexpr std::uint32_t none = 0xffffffff;
    static constexpr std::size_t bits_a_record = 13;

    struct alignas(64) Record {
        std::uint32_t flow;
        std::uint32_t next;  // in the chain of its head, or of free records
        std::uint32_t count;
        std::array<std::uint32_t, bits_a_record> bits;
    };
    static_assert(sizeof(Record) == 64, "one line");

    [[nodiscard]] std::uint32_t& head_of(std::uint32_t flow) noexcept { return heads_[place_of(flow)]; }
    [[nodiscard]] std::size_t place_of(std::uint32_t flow) const noexcept {
        return (flow * 0x9e3779b1u >> 7) & (heads_.size() - 1);
    }
    void free_record(std::uint32_t& link) noexcept;

    std::vector<std::uint32_t> heads_;
    std::unique_ptr<Record[]> records_;
    std::size_t capacity_;
    std::size_t touched_ = 0;  // records from here on have never been used
    std::uint32_t free_ = none;
    std::size_t in_use_ = 0;
};

}  // namespace picket::match
