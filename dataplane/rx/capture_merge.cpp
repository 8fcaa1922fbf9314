#include "dataplane/rx/capture_merge.h"

#include <algorithm>
#include <utility>

namespace picket::rx {

MergedCapture::MergedCapture(const std::vector<MergeInput>& inputs) {
    lanes_.reserve(inputs.size());
    for (const MergeInput& input : inputs) lanes_.push_back({CaptureCursor(input.file), input.port, {}});
    if (lanes_.size() == 1) return;
    heap_.reserve(lanes_.size());
    for (std::uint32_t i = 0; i < lanes_.size(); ++i)
        if (lanes_[i].cursor.next(lanes_[i].head)) heap_.push_back(i);
    for (std::size_t i = heap_.size() / 2; i-- > 0;) sift_down(i);
}

bool MergedCapture::before(std::uint32_t left, std::uint32_t right) const noexcept {
    const std::uint64_t a = lanes_[left].head.time_ns;
    const std::uint64_t b = lanes_[right].head.time_ns;
    return a != b ? a < b : left < right;
}

void MergedCapture::sift_down(std::size_t at) noexcept {
    for (;;) {
        std::size_t child = 2 * at + 1;
        if (child >= heap_.size()) return;
        if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) ++child;
        if (!before(heap_[child], heap_[at])) return;
        std::swap(heap_[child], heap_[at]);
        at = child;
    }
}

bool MergedCapture::next_merged(Frame& frame) noexcept {
    if (heap_.empty()) return false;
    Lane& lane = lanes_[heap_[0]];
    frame = lane.head;
    frame.port = lane.port;
    frame.sequence = sequence_++;
    if (!lane.cursor.next(lane.head)) {
        heap_[0] = heap_.back();
        heap_.pop_back();
    }
    sift_down(0);
    return true;
}

std::size_t MergedCapture::receive(std::span<Frame> out) noexcept {
    std::size_t filled = 0;
    while (filled < out.size() && next(out[filled])) ++filled;
    return filled;
}

std::uint64_t MergedCapture::future_min_time_ns() const noexcept {
    std::uint64_t least = UINT64_MAX;
    for (const Lane& lane : lanes_) least = std::min(least, lane.cursor.future_min_time_ns());
    for (const std::uint32_t head : heap_) least = std::min(least, lanes_[head].head.time_ns);
    return least;
}

std::uint64_t MergedCapture::lost() const noexcept {
    std::uint64_t lost = 0;
    for (const Lane& lane : lanes_) lost += lane.cursor.lost();
    return lost;
}

}  // namespace picket::rx
