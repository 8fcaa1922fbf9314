// The entries of a pool that are in use, by when they were used last, so that what has waited longest can
// give way.
//
// "When" is counted in epochs, of which the pool's size makes eight: whoever was used is safe until seven
// eighths of the pool have been taken anew. PERF: so a use costs a comparison, and its links only once an
// epoch.
//
// One worker's; no allocation after construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/flow/flow_entry.h"

namespace picket::http {

class AgeQueue {
  public:
    explicit AgeQueue(std::size_t entries) : links_(entries), epoch_length_(entries / 8 + 1) {}

    // flow::no_index if none is in use.
    [[nodiscard]] std::uint32_t oldest() const noexcept { return oldest_; }

    // An entry was taken. epoch: the pool's note of its last use. REQUIRES: it is not in the queue.
    void append(std::uint32_t index, std::uint32_t& epoch) noexcept {
        epoch = static_cast<std::uint32_t>(++taken_ / epoch_length_);
        put_last(index);
    }
    // It was used. REQUIRES: it is in the queue; so of remove().
    void use(std::uint32_t index, std::uint32_t& epoch) noexcept {
        const auto now = static_cast<std::uint32_t>(taken_ / epoch_length_);
        if (epoch == now) return;
        epoch = now;
        remove(index);
        put_last(index);
    }
    void remove(std::uint32_t index) noexcept {
        const Link link = links_[index];
        (link.older == flow::no_index ? oldest_ : links_[link.older].newer) = link.newer;
        (link.newer == flow::no_index ? newest_ : links_[link.newer].older) = link.older;
    }

  private:
    struct Link {
        std::uint32_t older;
        std::uint32_t newer;
    };

    void put_last(std::uint32_t index) noexcept {
        links_[index] = {newest_, flow::no_index};
        (newest_ == flow::no_index ? oldest_ : links_[newest_].newer) = index;
        newest_ = index;
    }

    std::vector<Link> links_;
    std::uint64_t taken_ = 0;
    std::uint64_t epoch_length_;  // entries taken
    std::uint32_t oldest_ = flow::no_index;
    std::uint32_t newest_ = flow::no_index;
};

}  // namespace picket::http
