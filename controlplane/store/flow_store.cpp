#include "controlplane/store/flow_store.h"

#include <algorithm>

namespace picket::store {

namespace {

constexpr std::size_t thrown_totals_max = 16 * 1024;

}  // namespace

class FlowStore::Snapshot final : public FlowSnapshot {
  public:
    Snapshot(std::vector<std::shared_ptr<const Chunk>> chunks, std::size_t last_length,
             std::vector<StoredFlow> thrown, std::uint64_t horizon_ns)
        : chunks_(std::move(chunks)),
          last_length_(last_length),
          thrown_(std::move(thrown)),
          horizon_ns_(horizon_ns) {}

    void for_each_part(const std::function<void(const StoredFlow&)>& visit) const override {
        for (const auto& totals : thrown_) visit(totals);
        for (std::size_t i = 0; i < chunks_.size(); ++i) {
            const std::size_t length = i + 1 == chunks_.size() ? last_length_ : chunk_parts;
            for (std::size_t at = 0; at < length; ++at) visit((*chunks_[i])[at]);
        }
    }

    [[nodiscard]] std::uint64_t horizon_ns() const override { return horizon_ns_; }

  private:
    std::vector<std::shared_ptr<const Chunk>> chunks_;
    std::size_t last_length_;
    std::vector<StoredFlow> thrown_;
    std::uint64_t horizon_ns_;
};

void FlowStore::append(std::span<const StoredFlow> parts) {
    if (parts_max_ == 0 || parts.empty()) return;
    const std::lock_guard lock(mutex_);
    for (const auto& part : parts) {
        if (last_length_ == chunk_parts) {
            if (size_.load(std::memory_order_relaxed) >= parts_max_) throw_away_oldest();
            chunks_.push_back(std::make_shared<Chunk>());
            last_length_ = 0;
        }
        (*chunks_.back())[last_length_++] = part;
        size_.fetch_add(1, std::memory_order_relaxed);
    }
}

void FlowStore::forget_before(std::uint64_t utc_ns) {
    const std::lock_guard lock(mutex_);
    horizon_ns_ = std::max(horizon_ns_, utc_ns);
}

std::uint64_t FlowStore::horizon_ns() const {
    const std::lock_guard lock(mutex_);
    return horizon_ns_;
}

void FlowStore::throw_away_oldest() {
    if (chunks_.empty()) return;
    for (const auto& part : *chunks_.front()) {
        if (part.final) {
            thrown_.erase(part.key());
            horizon_ns_ = std::max(horizon_ns_, part.last_ns);
        } else {
            keep_totals(part);
        }
    }
    chunks_.pop_front();
    size_.fetch_sub(chunk_parts, std::memory_order_relaxed);
}

void FlowStore::keep_totals(const StoredFlow& part) {
    if (StoredFlow* totals = thrown_.find(part.key())) {
        add_part(*totals, part);
        return;
    }
    thrown_[part.key()] = part;
    thrown_order_.push_back(part.key());
    while (thrown_order_.size() > thrown_totals_max) {
        if (const StoredFlow* oldest = thrown_.find(thrown_order_.front())) {
            horizon_ns_ = std::max(horizon_ns_, oldest->last_ns);
            thrown_.erase(thrown_order_.front());
        }
        thrown_order_.pop_front();
    }
}

std::shared_ptr<const FlowSnapshot> FlowStore::snapshot() const {
    const std::lock_guard lock(mutex_);
    std::vector<StoredFlow> thrown;
    thrown.reserve(thrown_.size());
    thrown_.for_each([&](const FlowKey&, const StoredFlow& totals) { thrown.push_back(totals); });
    return std::make_shared<Snapshot>(
        std::vector<std::shared_ptr<const Chunk>>(chunks_.begin(), chunks_.end()), last_length_,
        std::move(thrown), horizon_ns_);
}

}  // namespace picket::store
