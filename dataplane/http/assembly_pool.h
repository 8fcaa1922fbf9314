// Buffers for request heads that come in more than one segment: a fixed number of a fixed size.
//
// An index is held by a flow's cold record (ColdFlow::assembly) until its head is complete, given up, or
// the flow ends. One worker's; no allocation after construction, and untouched buffers cost no memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "dataplane/flow/flow_entry.h"
#include "dataplane/flow/flow_table.h"

namespace picket::http {

inline constexpr std::size_t assembly_bytes = 8192;

class AssemblyPool {
  public:
    explicit AssemblyPool(std::size_t count) : memory_(count * assembly_bytes), lengths_(count) {
        free_.reserve(count);
        for (std::size_t i = count; i-- > 0;) free_.push_back(static_cast<std::uint32_t>(i));
    }

    // flow::no_index if all are in use.
    [[nodiscard]] std::uint32_t take() noexcept {
        if (free_.empty()) return flow::no_index;
        const std::uint32_t index = free_.back();
        free_.pop_back();
        lengths_[index] = 0;
        return index;
    }
    // push_back cannot allocate: the capacity is that of all buffers.
    void give_back(std::uint32_t index) noexcept { free_.push_back(index); }

    // Appends what fits and returns how much that was.
    std::size_t append(std::uint32_t index, std::string_view bytes) noexcept {
        const std::size_t fits = std::min(bytes.size(), assembly_bytes - lengths_[index]);
        std::memcpy(at(index) + lengths_[index], bytes.data(), fits);
        lengths_[index] += static_cast<std::uint32_t>(fits);
        return fits;
    }
    [[nodiscard]] std::string_view text(std::uint32_t index) const noexcept {
        return {at(index), lengths_[index]};
    }
    [[nodiscard]] std::size_t in_use() const noexcept { return lengths_.size() - free_.size(); }

  private:
    [[nodiscard]] char* at(std::uint32_t index) const noexcept {
        return reinterpret_cast<char*>(memory_.data()) + index * assembly_bytes;
    }

    flow::PageMapping memory_;
    std::vector<std::uint32_t> lengths_;
    std::vector<std::uint32_t> free_;
};

}  // namespace picket::http
