// Buffers for heads of messages that come in more than one segment: a fixed number of a fixed size.
//
// An index is held by one side of a followed stream (StreamSide::assembly) until its head is complete, given
// up, or the flow ends. One worker's; no allocation after construction, and untouched buffers cost no memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "dataplane/flow/flow_entry.h"
#include "dataplane/flow/page_mapping.h"
#include "dataplane/http/age_queue.h"

namespace picket::http {

class AssemblyPool {
  public:
    AssemblyPool(std::size_t count, std::size_t buffer_bytes)
        : buffer_bytes_(buffer_bytes), memory_(count * buffer_bytes), buffers_(count), by_age_(count) {
        free_.reserve(count);
        for (std::size_t i = count; i-- > 0;) free_.push_back(static_cast<std::uint32_t>(i));
    }

    // flow::no_index if all are in use. owner: the flow's cold index.
    [[nodiscard]] std::uint32_t take(std::uint32_t owner) noexcept {
        if (free_.empty()) return flow::no_index;
        const std::uint32_t index = free_.back();
        free_.pop_back();
        buffers_[index] = {0, owner, 0};
        by_age_.append(index, buffers_[index].epoch);
        return index;
    }
    // Nobody's any more, but its text is still looked at.
    void disown(std::uint32_t index) noexcept {
        buffers_[index].owner = flow::no_index;
        by_age_.remove(index);
    }
    // push_back cannot allocate: the capacity is that of all buffers.
    void give_back(std::uint32_t index) noexcept {
        if (buffers_[index].owner != flow::no_index) disown(index);
        free_.push_back(index);
    }

    // The flow whose buffer has waited longest for a further byte; or no_index.
    [[nodiscard]] std::uint32_t oldest_owner() const noexcept {
        const std::uint32_t oldest = by_age_.oldest();
        return oldest == flow::no_index ? flow::no_index : buffers_[oldest].owner;
    }

    // Appends what fits and returns how much that was.
    std::size_t append(std::uint32_t index, std::string_view bytes) noexcept {
        Buffer& buffer = buffers_[index];
        const std::size_t fits = std::min(bytes.size(), buffer_bytes_ - buffer.length);
        std::memcpy(at(index) + buffer.length, bytes.data(), fits);
        by_age_.use(index, buffer.epoch);
        buffer.length += static_cast<std::uint32_t>(fits);
        return fits;
    }
    // Keeps the last bytes of the text only.
    void keep_end(std::uint32_t index, std::size_t bytes) noexcept {
        Buffer& buffer = buffers_[index];
        std::memmove(at(index), at(index) + buffer.length - bytes, bytes);
        buffer.length = static_cast<std::uint32_t>(bytes);
    }
    [[nodiscard]] std::string_view text(std::uint32_t index) const noexcept {
        return {at(index), buffers_[index].length};
    }
    [[nodiscard]] bool is_full(std::uint32_t index) const noexcept {
        return buffers_[index].length == buffer_bytes_;
    }
    [[nodiscard]] std::size_t in_use() const noexcept { return buffers_.size() - free_.size(); }

  private:
    struct Buffer {
        std::uint32_t length = 0;
        std::uint32_t owner = flow::no_index;
        std::uint32_t epoch = 0;  // of the last bytes (AgeQueue)
    };

    [[nodiscard]] char* at(std::uint32_t index) const noexcept {
        return reinterpret_cast<char*>(memory_.data()) + index * buffer_bytes_;
    }

    std::size_t buffer_bytes_;
    flow::PageMapping memory_;
    std::vector<Buffer> buffers_;
    std::vector<std::uint32_t> free_;
    AgeQueue by_age_;  // of those that have an owner
};

}  // namespace picket::http
