// Keeps the resident part of a mapped capture small while it is walked from front to back.
//
// Pages behind are given back. Given-back pages are read again when touched: frames that point there stay
// valid, they only cost a fault. One thread; the bytes must outlive it.
//
// PERF: pages ahead are left to the kernel's fault-around, which maps sixteen at a time. Mapping them by
// MADV_POPULATE_READ, which walks the page table once more for each page, took as long at its best (0.09 to
// 0.11 s a pass over 760 MB) and up to three times as long at its worst. Copying the file through a buffer by
// read() took 0.13 to 0.18 s.
#pragma once

#include <cstddef>

#include "dataplane/rx/capture_bytes.h"

namespace picket::rx {

class PageWindow {
  public:
    explicit PageWindow(const CaptureBytes& bytes) noexcept : bytes_(&bytes) {}

    // The walk has come to this offset. Costs a comparison, but for one call in a window.
    void advance(std::size_t offset) noexcept {
        if (offset >= mark_) [[unlikely]]
            move(offset);
    }

    // The walk is over: gives everything back.
    void close() noexcept { bytes_->drop(dropped_, bytes_->bytes().size()); }

  private:
    static constexpr std::size_t page_bytes = 4096;
    static constexpr std::size_t window_bytes = std::size_t{1} << 20;
    static constexpr std::size_t kept_bytes = std::size_t{1} << 20;  // the frames of the burst under way

    void move(std::size_t offset) noexcept {
        const std::size_t behind = (offset - kept_bytes) & ~(page_bytes - 1);
        bytes_->drop(dropped_, behind);
        dropped_ = behind;
        mark_ = offset + window_bytes;
    }

    const CaptureBytes* bytes_;
    std::size_t dropped_ = 0;
    std::size_t mark_ = kept_bytes + window_bytes;
};

}  // namespace picket::rx
