#include "dataplane/worker.h"

#include <x86intrin.h>

#include <ctime>

namespace picket {
namespace {

std::uint64_t monotonic_ns() noexcept {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

constexpr std::uint64_t publish_interval_ns = 1'000'000;
constexpr std::uint64_t cpu_interval_ns = 500'000'000;
// An idle worker naps only after this long, so that gaps within traffic never cost a wake-up.
constexpr std::uint64_t idle_before_nap_ns = 100'000'000;
constexpr std::uint64_t nap_ns = 20'000;

}  // namespace

void sleep_ns(std::uint64_t duration_ns) noexcept {
    const timespec pause{static_cast<time_t>(duration_ns / 1'000'000'000),
                         static_cast<long>(duration_ns % 1'000'000'000)};
    nanosleep(&pause, nullptr);
}

std::uint64_t thread_cpu_ns() noexcept {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

void finish_worker(Pipeline& pipeline, std::uint64_t last_ns, bool forced, const WorkerOrders& orders,
                   WorkerState& state) noexcept {
    pipeline.counters().cpu_ns = thread_cpu_ns();
    pipeline.finish(last_ns, forced);
    state.finished.store(true, std::memory_order_release);
    while (!orders.leave.load(std::memory_order_relaxed)) {
        pipeline.housekeep(last_ns, true);
        pipeline.publish();
        if (!pipeline.walking()) sleep_ns(1'000'000);
    }
}

namespace {

// Processes what other workers hand over until all have stopped receiving, so that the last audit balances.
void empty_inbox(LiveWorker& worker, const WorkerOrders& orders) noexcept {
    orders.stopped.fetch_add(1, std::memory_order_acq_rel);
    if (worker.inbox == nullptr) return;
    std::array<rx::Frame, burst_max> frames;
    for (;;) {
        const bool last = orders.stopped.load(std::memory_order_acquire) >= worker.workers;
        while (const std::size_t count = worker.inbox->receive(frames)) {
            worker.pipeline->process({frames.data(), count}, Pipeline::Origin::mesh);
            worker.inbox->release();
        }
        if (last) return;
        sleep_ns(nap_ns);
    }
}

}  // namespace

void run_live_worker(LiveWorker& worker, const WorkerOrders& orders, WorkerState& state) noexcept {
    Pipeline& pipeline = *worker.pipeline;
    api::WorkerCounters& counters = pipeline.counters();
    std::array<rx::Frame, burst_max> frames;
    while (!orders.begin.load(std::memory_order_acquire)) {
        if (orders.drain.load(std::memory_order_relaxed)) break;
        pipeline.housekeep(monotonic_ns(), true);
        pipeline.publish();
        sleep_ns(200'000);
    }
    std::uint64_t mark = __rdtsc();
    std::uint64_t busy_ns = monotonic_ns();
    std::uint64_t published_ns = 0;
    std::uint64_t cpu_read_ns = 0;
    while (!orders.drain.load(std::memory_order_relaxed)) {
        bool busy = false;
        const auto run_burst = [&](std::size_t count, Pipeline::Origin origin) {
            const std::uint64_t received = __rdtsc();
            counters.cycles_stage[static_cast<std::size_t>(api::Stage::rx)] += received - mark;
            pipeline.process({frames.data(), count}, origin);
            ++counters.bursts;
            busy = true;
            mark = __rdtsc();
            counters.cycles_busy += mark - received;
        };
        for (const auto& queue : worker.queues) {
            if (const std::size_t count = queue->receive(frames)) {
                run_burst(count, Pipeline::Origin::queue);
                queue->release();
            }
        }
        if (worker.inbox != nullptr) {
            if (const std::size_t count = worker.inbox->receive(frames)) {
                run_burst(count, Pipeline::Origin::mesh);
                worker.inbox->release();
            }
        }
        const std::uint64_t now_ns = monotonic_ns();  // vDSO, once a round
        pipeline.housekeep(now_ns, !busy);
        const std::uint64_t end = __rdtsc();
        (busy ? counters.cycles_busy : counters.cycles_idle) += end - mark;
        mark = end;
        if (busy) {
            busy_ns = now_ns;
        } else {
            ++counters.bursts_empty;
        }
        if (now_ns - cpu_read_ns > cpu_interval_ns) {
            counters.cpu_ns = thread_cpu_ns();
            cpu_read_ns = now_ns;
        }
        if (now_ns - published_ns > publish_interval_ns) {
            pipeline.publish();
            published_ns = now_ns;
        }
        if (now_ns - busy_ns > idle_before_nap_ns && !pipeline.walking()) sleep_ns(nap_ns);
    }
    empty_inbox(worker, orders);
    finish_worker(pipeline, monotonic_ns(), true, orders, state);
}

}  // namespace picket
