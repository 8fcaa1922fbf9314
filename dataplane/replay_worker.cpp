// Replay: the same pipeline over capture files, as fast as it goes, in capture order.
#include <sched.h>
#include <x86intrin.h>

#include <algorithm>
#include <deque>

#include "dataplane/worker.h"

namespace picket {
namespace {

constexpr std::uint64_t no_more = UINT64_MAX;

void run_alone(Pipeline& pipeline, ReplayPlan& plan, const WorkerOrders& orders) noexcept {
    rx::MergedCapture source(plan.inputs);
    std::array<rx::Frame, burst_max> frames;
    api::WorkerCounters& counters = pipeline.counters();
    std::uint64_t mark = __rdtsc();
    while (!orders.drain.load(std::memory_order_relaxed)) {
        const std::size_t count = source.receive(frames);
        if (count == 0) break;
        const std::uint64_t received = __rdtsc();
        counters.cycles_stage[static_cast<std::size_t>(api::Stage::rx)] += received - mark;
        pipeline.process({frames.data(), count}, Pipeline::Origin::queue);
        ++counters.bursts;
        if (const std::uint64_t future_ns = source.future_min_time_ns(); future_ns != no_more) {
            pipeline.housekeep(future_ns);
        }
        const std::uint64_t end = __rdtsc();
        counters.cycles_busy += end - mark;
        mark = end;
    }
}

// One of several workers: receives the frames of its queue, hands over what others own, and processes what
// it owns once no worker can still bring an earlier frame.
class SteeredReplay {
  public:
    SteeredReplay(ReplayWorker& worker, ReplayPlan& plan)
        : worker_(worker), plan_(plan), pipeline_(*worker.pipeline), source_(plan.inputs) {}

    void run(const WorkerOrders& orders) {
        api::WorkerCounters& counters = pipeline_.counters();
        std::uint64_t mark = __rdtsc();
        while (!orders.drain.load(std::memory_order_relaxed)) {
            const bool received = receive_some();
            const std::uint64_t low = slowest();
            const std::size_t processed = process_below(low);
            // Less than a burst: everything below `low` is done.
            if (processed < burst_max) {
                turn_timers(low);
                if (low == no_more) break;
            }
            const std::uint64_t end = __rdtsc();
            (received || processed != 0 ? counters.cycles_busy : counters.cycles_idle) += end - mark;
            mark = end;
            if (!received && processed == 0) sched_yield();
        }
        // Others must not wait for a worker that was told to stop.
        plan_.progress[worker_.index].sequence.store(no_more, std::memory_order_release);
    }

  private:
    static constexpr std::size_t pending_max = 16384;
    static constexpr unsigned frames_a_round = 256;

    bool receive_some() {
        if (exhausted_) return false;
        bool received = false;
        for (unsigned i = 0; i < frames_a_round && pending_.size() < pending_max; ++i) {
            if (!stuck_) {
                if (!source_.next(next_)) {
                    exhausted_ = true;
                    break;
                }
                position_ = next_.sequence + 1;
                const auto workers = static_cast<std::uint16_t>(plan_.progress.size());
                if (rx::queue_of(rx::rss_hash(next_, plan_.rss), workers) != worker_.index) continue;
                owners_ = pipeline_.owners(next_);
                steered_ = false;
            }
            stuck_ = !steer();
            if (stuck_) break;
            received = true;
        }
        const std::uint64_t passed = exhausted_ ? no_more : stuck_ ? next_.sequence : position_;
        plan_.progress[worker_.index].sequence.store(passed, std::memory_order_release);
        return received;
    }

    // The frame to the owner of its flow, and to that of the flow that it quotes. False if a ring is full:
    // what is done is remembered.
    bool steer() {
        if (!steered_) {
            if (!pipeline_.receive_and_steer(next_, owners_.frame)) return false;
            if (owners_.frame == worker_.index) pending_.push_back(next_);
            steered_ = true;
        }
        if (owners_.quote == owners_.frame) return true;
        if (owners_.quote != worker_.index) return pipeline_.send_quote(next_, owners_.quote);
        pending_.push_back(next_);
        pending_.back().quote_only = true;
        return true;
    }

    [[nodiscard]] std::uint64_t slowest() const noexcept {
        std::uint64_t low = no_more;
        for (const auto& progress : plan_.progress) {
            low = std::min(low, progress.sequence.load(std::memory_order_acquire));
        }
        return low;
    }

    std::size_t process_below(std::uint64_t low) {
        std::size_t count = 0;
        rx::Frame head;
        while (count < burst_max) {
            const bool from_mesh = worker_.inbox->head(head) && head.sequence < low;
            const bool from_own = !pending_.empty() && pending_.front().sequence < low;
            if (!from_mesh && !from_own) break;
            if (from_mesh && (!from_own || head.sequence < pending_.front().sequence)) {
                worker_.inbox->take_head();
                pipeline_.count_taken_in(head);
                frames_[count++] = head;
            } else {
                frames_[count++] = pending_.front();
                pending_.pop_front();
            }
        }
        if (count != 0) {
            pipeline_.process({frames_.data(), count}, Pipeline::Origin::own);
            ++pipeline_.counters().bursts;
            worker_.inbox->release();
        }
        return count;
    }

    // Timers may run up to the least time of what was still to come at some moment, once everything before
    // that moment is processed.
    void turn_timers(std::uint64_t low) {
        if (low < sample_position_) return;
        if (sample_ns_ != no_more) pipeline_.housekeep(sample_ns_);
        sample_position_ = exhausted_ ? no_more : position_;
        sample_ns_ = source_.future_min_time_ns();
        if (stuck_) sample_ns_ = std::min(sample_ns_, next_.time_ns);
    }

    ReplayWorker& worker_;
    ReplayPlan& plan_;
    Pipeline& pipeline_;
    rx::MergedCapture source_;
    std::deque<rx::Frame> pending_;
    std::array<rx::Frame, burst_max> frames_;
    rx::Frame next_;
    Pipeline::Owners owners_;
    bool steered_ = false;  // next_ is where its flow is, but not yet where the flow is that it quotes
    bool stuck_ = false;    // next_ found the ring to its owner full
    bool exhausted_ = false;
    std::uint64_t position_ = 0;  // sequence behind the last frame that was looked at
    std::uint64_t sample_position_ = 0;
    std::uint64_t sample_ns_ = no_more;
};

}  // namespace

void run_replay_worker(ReplayWorker& worker, ReplayPlan& plan, const WorkerOrders& orders,
                       WorkerState& state) noexcept {
    while (!orders.begin.load(std::memory_order_acquire) && !orders.drain.load(std::memory_order_relaxed)) {
        worker.pipeline->housekeep(0, true);
        sleep_ns(200'000);
    }
    // Rules that were offered before the first packet are in use for it.
    worker.pipeline->housekeep(0);
    if (plan.progress.size() == 1) {
        run_alone(*worker.pipeline, plan, orders);
    } else {
        SteeredReplay(worker, plan).run(orders);
    }
    // Told to stop: what was not read cannot have waited anything out.
    const bool forced = orders.drain.load(std::memory_order_relaxed);
    const std::uint64_t last_ns = forced ? worker.pipeline->counters().packet_ns : plan.last_ns;
    finish_worker(*worker.pipeline, last_ns, forced, orders, state);
}

}  // namespace picket
