// Walks: snapshots of the flows that are in the data plane's tables right now.
//
// Thread-safe: any thread asks (one walk runs at a time, others wait), the drain thread delivers.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "controlplane/drain/mailbox_client.h"
#include "controlplane/store/stored_flow.h"

namespace picket::drain {

struct WalkResult {
    std::vector<store::StoredFlow> flows;
    bool complete = false;
    std::uint64_t began_ns = 0;  // if complete, UTC: what happened before is in the flows, or they ended
    std::string why_incomplete;  // a clause: "the data plane did not finish within 2 s"
};

class WalkCollector {
  public:
    WalkCollector(MailboxClient& mailbox, std::size_t flows_max) : mailbox_(mailbox), flows_max_(flows_max) {}

    // accept decides, on the drain thread, which snapshots are kept. The timeout is for the walk itself: time
    // until it is our turn, and until a former walk that came too late is done, does not count.
    WalkResult walk(const api::WalkFilter& filter, std::function<bool(const store::StoredFlow&)> accept,
                    std::uint32_t workers, std::chrono::milliseconds timeout);

    void deliver_flow(std::uint64_t walk_id, const store::StoredFlow& flow);
    void deliver_done(std::uint64_t walk_id, std::uint16_t worker, std::uint64_t began_ns);
    void abandon();  // the data plane is gone

  private:
    [[nodiscard]] bool all_done() const noexcept;

    MailboxClient& mailbox_;
    std::size_t flows_max_;
    std::mutex one_at_a_time_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::uint64_t walk_id_ = 0;       // 0: none is running
    std::uint64_t late_id_ = 0;       // a walk nobody waits for any more, which the data plane still does
    std::uint64_t workers_done_ = 0;  // bit a worker, of either
    std::uint32_t workers_ = 0;
    std::uint64_t began_ns_ = 0;  // of the worker that began first
    bool overflow_ = false;
    bool gone_ = false;
    std::function<bool(const store::StoredFlow&)> accept_;
    std::vector<store::StoredFlow> flows_;
};

}  // namespace picket::drain
