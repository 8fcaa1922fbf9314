// Requests that wait for the first bytes of their bodies: copies of the heads, and of the bodies what has
// come, without the framing of chunks. A fixed number of buffers of a fixed size.
//
// An index is held by a followed stream (StreamState::body) until the body has ended, enough of it is there,
// or the flow gives it up. One worker's; no allocation after construction, and untouched buffers cost no
// memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "dataplane/http/assembly_pool.h"

namespace picket::http {

// What is known of a request beyond its text.
struct RequestNote {
    std::uint32_t number = 0;  // within the flow
    std::uint32_t flags = 0;   // api::RequestFlag
};

class BodyPool {
  public:
    BodyPool(std::size_t count, std::size_t head_bytes, std::size_t body_bytes)
        : head_bytes_(head_bytes),
          body_bytes_(body_bytes),
          texts_(count, head_bytes + body_bytes),
          heads_(count) {}

    [[nodiscard]] std::size_t head_bytes() const noexcept { return head_bytes_; }
    [[nodiscard]] std::size_t body_bytes() const noexcept { return body_bytes_; }

    // flow::no_index if all are in use. owner: the flow's cold index. REQUIRES: head.size() <= head_bytes().
    [[nodiscard]] std::uint32_t take(std::uint32_t owner, std::string_view head,
                                     const RequestNote& note) noexcept {
        const std::uint32_t index = texts_.take(owner);
        if (index == flow::no_index) return index;
        texts_.append(index, head);
        heads_[index] = {note, static_cast<std::uint32_t>(head.size())};
        return index;
    }
    // Keeps what fits into body_bytes(). True if all of it did.
    bool append(std::uint32_t index, std::string_view bytes) noexcept {
        const std::string_view kept = bytes.substr(0, body_bytes_ - body(index).size());
        texts_.append(index, kept);
        return kept.size() == bytes.size();
    }
    [[nodiscard]] std::string_view head(std::uint32_t index) const noexcept {
        return texts_.text(index).substr(0, heads_[index].length);
    }
    [[nodiscard]] std::string_view body(std::uint32_t index) const noexcept {
        return texts_.text(index).substr(heads_[index].length);
    }
    // The head and what is kept of the body, one behind the other.
    [[nodiscard]] std::string_view text(std::uint32_t index) const noexcept { return texts_.text(index); }
    [[nodiscard]] bool is_full(std::uint32_t index) const noexcept {
        return body(index).size() == body_bytes_;
    }
    [[nodiscard]] const RequestNote& note(std::uint32_t index) const noexcept { return heads_[index].note; }

    void disown(std::uint32_t index) noexcept { texts_.disown(index); }
    void give_back(std::uint32_t index) noexcept { texts_.give_back(index); }
    [[nodiscard]] std::uint32_t stale_owner() noexcept { return texts_.stale_owner(); }
    [[nodiscard]] std::size_t in_use() const noexcept { return texts_.in_use(); }

  private:
    struct Head {
        RequestNote note;
        std::uint32_t length = 0;
    };

    std::size_t head_bytes_;
    std::size_t body_bytes_;
    AssemblyPool texts_;
    std::vector<Head> heads_;
};

}  // namespace picket::http
