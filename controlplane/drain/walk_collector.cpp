#include "controlplane/drain/walk_collector.h"

#include <algorithm>
#include <bit>

namespace picket::drain {

WalkResult WalkCollector::walk(const api::WalkFilter& filter,
                               std::function<bool(const store::StoredFlow&)> accept, std::uint32_t workers,
                               std::chrono::milliseconds timeout) {
    const std::lock_guard turn(one_at_a_time_);
    api::Command command;
    command.kind = api::CommandKind::walk;
    command.filter = filter;
    WalkResult result;
    std::unique_lock lock(mutex_);
    // The data plane begins a walk when the former one is done, and refuses a third.
    changed_.wait_for(lock, timeout, [&] { return late_id_ == 0; });
    late_id_ = 0;
    // The id is known only once the command is posted; deliveries wait for the lock meanwhile.
    const std::uint64_t id = mailbox_.post(command, timeout);
    if (id == 0) {
        result.why_incomplete = "the data plane takes no commands";
        return result;
    }
    walk_id_ = id;
    workers_done_ = 0;
    workers_ = workers;
    began_ns_ = UINT64_MAX;
    overflow_ = false;
    gone_ = false;
    flows_.clear();
    accept_ = std::move(accept);
    changed_.wait_for(lock, timeout, [&] { return gone_ || all_done(); });
    result.complete = all_done() && !overflow_;
    if (gone_) {
        result.why_incomplete = "the data plane went away";
    } else if (!all_done()) {
        late_id_ = id;
        result.why_incomplete =
            "the data plane did not finish within " + std::to_string(timeout.count()) + " ms";
    } else if (overflow_) {
        result.why_incomplete = "there are more than " + std::to_string(flows_max_);
    }
    if (result.complete) result.began_ns = began_ns_;
    result.flows = std::move(flows_);
    walk_id_ = 0;
    accept_ = nullptr;
    flows_ = {};
    return result;
}

void WalkCollector::deliver_flow(std::uint64_t walk_id, const store::StoredFlow& flow) {
    const std::lock_guard lock(mutex_);
    if (walk_id_ == 0 || walk_id != walk_id_ || (accept_ && !accept_(flow))) return;
    if (flows_.size() >= flows_max_) {
        overflow_ = true;
        return;
    }
    flows_.push_back(flow);
}

void WalkCollector::deliver_done(std::uint64_t walk_id, std::uint16_t worker, std::uint64_t began_ns) {
    const std::lock_guard lock(mutex_);
    const bool awaited = walk_id != 0 && (walk_id == walk_id_ || walk_id == late_id_);
    if (!awaited || worker >= api::workers_max) return;
    began_ns_ = std::min(began_ns_, began_ns);
    workers_done_ |= std::uint64_t{1} << worker;
    if (walk_id == late_id_ && all_done()) late_id_ = 0;
    changed_.notify_all();
}

bool WalkCollector::all_done() const noexcept {
    return static_cast<std::uint32_t>(std::popcount(workers_done_)) >= workers_;
}

void WalkCollector::abandon() {
    const std::lock_guard lock(mutex_);
    gone_ = true;
    late_id_ = 0;
    changed_.notify_all();
}

}  // namespace picket::drain
