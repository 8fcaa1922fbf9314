#include "controlplane/store/hit_store.h"

#include <algorithm>

namespace picket::store {

void HitStore::add(StoredHit hit) {
    if (hits_max_ == 0) return;
    const std::lock_guard lock(mutex_);
    if (hits_.size() >= hits_max_) {
        horizon_ns_ = std::max(horizon_ns_, hits_.front()->time_ns);
        hits_.pop_front();
    }
    hits_.push_back(std::make_shared<const StoredHit>(std::move(hit)));
}

void HitStore::forget_before(std::uint64_t utc_ns) {
    const std::lock_guard lock(mutex_);
    horizon_ns_ = std::max(horizon_ns_, utc_ns);
}

std::uint64_t HitStore::horizon_ns() const {
    const std::lock_guard lock(mutex_);
    return horizon_ns_;
}

Hits HitStore::all() const {
    const std::lock_guard lock(mutex_);
    return {hits_.begin(), hits_.end()};
}

}  // namespace picket::store
