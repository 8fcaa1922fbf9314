// Keeps the resident part of a mapped capture small while it is walked from front to back.
//
// Pages ahead are mapped in one call a window instead of by a fault each, pages behind are given back.
// Given-back pages are read again when touched: frames that point there stay valid, they only cost a fault.
// One thread; the bytes must outlive it.
#pragma once

#include <algorithm>
#include <cstddef>

#include "dataplane/rx/capture_bytes.h"

namespace picket::rx {

class PageWindow {
  public:
    explicit PageWindow(const CaptureBytes& bytes) noexcept : bytes_(&bytes) { move(0); }

    // The walk has come to this offset. Costs a comparison, but for one call in a window.
    void advance(std::size_t offset) noexcept {
        if (offset >= mark_) [[unlikely]]
            move(offset);
    }

    // The walk is over: gives everything back.
    void close() noexcept { bytes_->drop(dropped_, bytes_->bytes().size()); }

  private:
    static constexpr std::size_t window_bytes = std::size_t{4} << 20;
    static constexpr std::size_t kept_bytes = std::size_t{1} << 20;  // the frames of the burst under way

    void move(std::size_t offset) noexcept {
        if (offset > dropped_ + kept_bytes) {
            bytes_->drop(dropped_, offset - kept_bytes);
            dropped_ = offset - kept_bytes;
        }
        bytes_->populate(offset, offset + window_bytes);
        mark_ = offset + window_bytes;
    }

    const CaptureBytes* bytes_;
    std::size_t dropped_ = 0;
    std::size_t mark_ = 0;
};

}  // namespace picket::rx
