// Where the bytes of incomplete datagrams lie: a fixed number of chunks of a fixed size.
//
// One worker's. No allocation after construction; chunks that were never used cost no memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/flow/page_mapping.h"

namespace picket::fragment {

inline constexpr std::size_t chunk_bytes = 2048;

class ChunkPool {
  public:
    explicit ChunkPool(std::size_t bytes) : memory_(bytes / chunk_bytes * chunk_bytes) {
        const std::size_t count = bytes / chunk_bytes;
        free_.reserve(count);
        for (std::size_t i = count; i-- > 0;) free_.push_back(static_cast<std::uint32_t>(i));
    }

    [[nodiscard]] std::size_t available() const noexcept { return free_.size(); }
    // REQUIRES: available() != 0.
    [[nodiscard]] std::uint32_t take() noexcept {
        const std::uint32_t index = free_.back();
        free_.pop_back();
        return index;
    }
    // push_back cannot allocate: the capacity is that of all chunks.
    void give_back(std::uint32_t index) noexcept { free_.push_back(index); }
    [[nodiscard]] std::uint8_t* at(std::uint32_t index) const noexcept {
        return reinterpret_cast<std::uint8_t*>(memory_.data()) + index * chunk_bytes;
    }

  private:
    flow::PageMapping memory_;
    std::vector<std::uint32_t> free_;
};

}  // namespace picket::fragment
