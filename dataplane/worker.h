// The loops that drive a pipeline: live over receive queues, and replay over capture files.
//
// Each loop runs on a thread of its own and uses its Pipeline alone. They stop when told, end all flows, and
// then stay to answer walks and adopt rules until they are told to leave.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/pipeline.h"
#include "dataplane/rx/capture_merge.h"
#include "dataplane/rx/frame.h"
#include "dataplane/rx/rss.h"
#include "dataplane/steer/mesh.h"

namespace picket {

// Written by the housekeeping thread, read by all workers; but for `stopped`.
struct WorkerOrders {
    std::atomic<bool> begin{false};  // workers wait for it
    std::atomic<bool> drain{false};  // stop receiving and end all flows
    std::atomic<bool> leave{false};  // return
    // Live workers that take no more frames from their queues: when all have stopped, nothing more is handed
    // over, and what is in the rings between them is the last.
    mutable std::atomic<std::uint32_t> stopped{0};
};

// Written by the worker, read by the housekeeping thread.
struct WorkerState {
    std::atomic<bool> finished{false};  // input_done was emitted
};

struct alignas(64) LiveWorker {
    Pipeline* pipeline = nullptr;
    std::vector<std::unique_ptr<rx::RxQueue>> queues;
    std::unique_ptr<steer::MeshInbox> inbox;  // null with one worker
    std::uint32_t workers = 1;
};

void run_live_worker(LiveWorker& worker, const WorkerOrders& orders, WorkerState& state) noexcept;

// What replay workers share: how far each has received, as a sequence number all below which it has received
// and handed over. A frame is processed when every worker has passed it, so that frames are processed in
// capture order whatever way they came.
struct ReplayPlan {
    std::vector<rx::MergeInput> inputs;
    rx::RssModel rss = rx::RssModel::two_tuple;
    std::uint64_t last_ns = 0;  // of all inputs
    struct alignas(64) Progress {
        std::atomic<std::uint64_t> sequence{0};
    };
    std::vector<Progress> progress;
};

struct alignas(64) ReplayWorker {
    Pipeline* pipeline = nullptr;
    std::uint32_t index = 0;
    std::unique_ptr<steer::MeshInbox> inbox;  // null with one worker
};

void run_replay_worker(ReplayWorker& worker, ReplayPlan& plan, const WorkerOrders& orders,
                       WorkerState& state) noexcept;

// What both loops do when their input is over: end all flows, report, and stay until told to leave.
void finish_worker(Pipeline& pipeline, std::uint64_t last_ns, bool forced, const WorkerOrders& orders,
                   WorkerState& state) noexcept;

void sleep_ns(std::uint64_t duration_ns) noexcept;
[[nodiscard]] std::uint64_t thread_cpu_ns() noexcept;

}  // namespace picket
