// Merges capture files into one sequence of frames by time, as one receive queue.
//
// The earliest head goes first, of equal ones that of the earlier argument; each file keeps its own order,
// even where its times run backwards. The result depends on nothing but the files and their order, so that
// every worker may own one over the same shared files and see the same sequence numbers. A single file costs
// no merging. One thread each; allocates only on construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/rx/capture_cursor.h"
#include "dataplane/rx/capture_file.h"
#include "dataplane/rx/frame.h"

namespace picket::rx {

struct MergeInput {
    std::shared_ptr<const CaptureFile> file;
    std::uint16_t port = 0;  // becomes Frame::port
};

class alignas(64) MergedCapture final : public RxQueue {
  public:
    explicit MergedCapture(const std::vector<MergeInput>& inputs);

    // Fills the frame, its sequence being 0, 1, 2 ..., and returns true; false at the end. The frame's bytes
    // live as long as this object.
    bool next(Frame& frame) noexcept {
        if (lanes_.size() != 1) return next_merged(frame);
        if (!lanes_[0].cursor.next(frame)) return false;
        frame.port = lanes_[0].port;
        return true;  // the cursor's own numbering is the sequence
    }

    // 0 means the end. There is nothing to release.
    std::size_t receive(std::span<Frame> out) noexcept override;
    void release() noexcept override {}

    // A lower bound of the times of all frames not yet delivered, UINT64_MAX at the end: no flow that is
    // older than this by its timeout can be continued by a frame to come. Exact for files that are in order.
    // Call it once a burst.
    [[nodiscard]] std::uint64_t future_min_time_ns() const noexcept;

    // Frames that were there when the files were opened and are gone (another process changed a file).
    [[nodiscard]] std::uint64_t lost() const noexcept;

  private:
    struct Lane {
        CaptureCursor cursor;
        std::uint16_t port;
        Frame head;  // where several files are merged: the next frame, already taken from the cursor
    };

    [[nodiscard]] bool before(std::uint32_t left, std::uint32_t right) const noexcept;
    void sift_down(std::size_t at) noexcept;
    bool next_merged(Frame& frame) noexcept;

    std::vector<Lane> lanes_;
    std::vector<std::uint32_t> heap_;  // lanes that have a head, the earliest on top
    std::uint64_t sequence_ = 0;
};

}  // namespace picket::rx
