#include "controlplane/drain/drain_loop.h"

#include <algorithm>

namespace picket::drain {

namespace {

constexpr std::chrono::microseconds pause_first{100};
constexpr std::chrono::microseconds pause_max{4'000};
constexpr std::chrono::milliseconds tick_interval{100};
constexpr std::chrono::milliseconds retry_soon{10};
constexpr std::chrono::milliseconds retry_later{250};
constexpr std::chrono::seconds retry_soon_for{5};

}  // namespace

DrainLoop::DrainLoop(DrainSettings settings, EventSink& sink, LinkObserver& observer)
    : settings_(std::move(settings)), sink_(sink), observer_(observer) {}

DrainLoop::~DrainLoop() {
    stop();
}

void DrainLoop::start() {
    started_ = Clock::now();
    next_tick_ = started_;
    thread_ = std::thread([this] { run(); });
}

void DrainLoop::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_.store(true);
    }
    woken_.notify_all();
    if (thread_.joinable()) thread_.join();
}

LinkStatus DrainLoop::status() const {
    const std::lock_guard lock(mutex_);
    return status_;
}

void DrainLoop::run() {
    bool lost = false;
    while (!stopping_.load(std::memory_order_relaxed)) {
        if (!drainer_) {
            if (status_.given_up || !connect()) {
                observer_.on_unconnected();
                const bool soon = !lost && Clock::now() - started_ < retry_soon_for;
                sleep(soon ? retry_soon : retry_later);
                continue;
            }
        }
        if (work()) {
            pause_ = {};
        } else if (!link_.alive()) {
            lose_link();
            lost = true;
            continue;
        } else {
            note_finished();
            idle();
        }
        tick();
    }
    if (drainer_) {
        while (work()) {
        }
    }
}

bool DrainLoop::connect() {
    std::string error;
    const LinkResult result = link_.connect(settings_.socket_path, error);
    if (result != LinkResult::connected) {
        const bool bounded = settings_.give_up_after.count() > 0;
        bool is_new = false;
        {
            const std::lock_guard lock(mutex_);
            is_new = status_.trouble != error;
            status_.trouble = error;
            status_.given_up = bounded && (result == LinkResult::refused ||
                                           Clock::now() - started_ > settings_.give_up_after);
        }
        if (is_new) observer_.on_trouble(error);
        return false;
    }
    const auto& segments = link_.segments();
    const bool same_run = segments->layout().run_id == last_run_id_;
    last_run_id_ = segments->layout().run_id;
    drainer_ = std::make_unique<RingDrainer>(segments, sink_);
    {
        const std::lock_guard lock(mutex_);
        status_.segments = segments;
        status_.connected = true;
        status_.drained = false;
        status_.input_finished = false;
        status_.trouble.clear();
        ++status_.connections;
    }
    observer_.on_connected(segments, same_run);
    return true;
}

bool DrainLoop::work() {
    return drainer_->drain_round() > 0;
}

void DrainLoop::note_finished() {
    const auto& segments = link_.segments();
    if (status_.input_finished || segments->state() != api::DataplaneState::finished) return;
    // The state is stored after the last event of the input: one more round sees everything.
    while (work()) {
    }
    {
        const std::lock_guard lock(mutex_);
        status_.drained = true;
    }
    observer_.on_input_finished();
    const std::lock_guard lock(mutex_);
    status_.input_finished = true;
}

void DrainLoop::lose_link() {
    while (work()) {
    }
    const auto segments = link_.segments();
    note_finished();
    {
        const std::lock_guard lock(mutex_);
        malformed_before_ += drainer_->malformed();
        status_.malformed_events = malformed_before_;
        status_.connected = false;
        status_.trouble = "the data plane at " + settings_.socket_path + " went away";
    }
    drainer_.reset();
    link_.disconnect();
    observer_.on_disconnected(segments);
}

void DrainLoop::tick() {
    const auto now = Clock::now();
    if (now < next_tick_) return;
    next_tick_ = now + tick_interval;
    {
        const std::lock_guard lock(mutex_);
        status_.malformed_events = malformed_before_ + drainer_->malformed();
        status_.broken_rings = drainer_->broken_rings();
    }
    observer_.on_tick(link_.segments());
}

void DrainLoop::idle() {
    pause_ = pause_.count() == 0 ? pause_first : std::min(pause_ * 2, pause_max);
    sleep(pause_);
}

void DrainLoop::sleep(std::chrono::microseconds time) {
    std::unique_lock lock(mutex_);
    woken_.wait_for(lock, time, [this] { return stopping_.load(std::memory_order_relaxed); });
}

}  // namespace picket::drain
