// Ended parts of flows in memory, newest kept: a sequence of chunks, appended to at one end and thrown away
// a chunk at a time at the other.
//
// Thread safety: one appender (the drain thread), any number of readers. A reader takes shared pointers to
// the chunks and the length of the last one under the lock, and reads without it: what it may see of a
// chunk is never written again.
// Memory: sizeof(StoredFlow) a part, at most flows_max parts and a chunk more. Parts that are thrown away
// before their flow's last one are added up aside, so that long-lived flows keep their totals.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "controlplane/store/flat_map.h"
#include "controlplane/store/flow_source.h"

namespace picket::store {

class FlowStore final : public FlowSource {
  public:
    explicit FlowStore(std::size_t parts_max) : parts_max_(parts_max) {}

    void append(std::span<const StoredFlow> parts);
    // Flows that ended before this went to somebody else.
    void forget_before(std::uint64_t utc_ns);

    [[nodiscard]] std::shared_ptr<const FlowSnapshot> snapshot() const override;
    // Flows that ended before this may be missing; 0: none are.
    [[nodiscard]] std::uint64_t horizon_ns() const;
    [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::size_t capacity() const noexcept { return parts_max_; }

    static constexpr std::size_t chunk_parts = 1024;

  private:
    using Chunk = std::array<StoredFlow, chunk_parts>;
    class Snapshot;

    void throw_away_oldest();
    void keep_totals(const StoredFlow& part);

    std::size_t parts_max_;
    mutable std::mutex mutex_;
    std::deque<std::shared_ptr<Chunk>> chunks_;
    std::size_t last_length_ = chunk_parts;  // parts in the newest chunk
    std::uint64_t horizon_ns_ = 0;
    FlatMap<FlowKey, StoredFlow> thrown_;  // totals of parts thrown away before their flow's end
    std::deque<FlowKey> thrown_order_;     // bounds thrown_, for flows whose end is never seen
    std::atomic<std::size_t> size_{0};
};

}  // namespace picket::store
