#include "dataplane/housekeeping/housekeeper.h"

#include <x86intrin.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>

namespace picket::housekeeping {
namespace {

constexpr std::uint64_t tick_ns = 1'000'000;
constexpr std::uint64_t drain_patience_ns = 5'000'000'000;
constexpr std::uint64_t port_interval_ns = 250'000'000;
constexpr std::uint64_t cost_interval_ns = 1'000'000'000;

std::uint64_t clock_ns(clockid_t clock) noexcept {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

// UTC less the monotonic clock. Between two readings may lie a pause, and the result jitters: it changes only
// when UTC has stepped, so that a flow's times are the same whenever they are told. known: what it was, 0
// before the first time.
std::int64_t utc_minus_monotonic(std::int64_t known) noexcept {
    constexpr unsigned tries_max = 5;
    constexpr std::uint64_t pause_max_ns = 2'000;
    constexpr std::int64_t step_min_ns = 100'000;
    std::int64_t difference = known;
    std::uint64_t pause_least_ns = UINT64_MAX;
    for (unsigned tries = 0; tries < tries_max && pause_least_ns > pause_max_ns; ++tries) {
        const std::uint64_t before = clock_ns(CLOCK_MONOTONIC);
        const std::uint64_t utc = clock_ns(CLOCK_REALTIME);
        const std::uint64_t pause_ns = clock_ns(CLOCK_MONOTONIC) - before;
        if (pause_ns >= pause_least_ns) continue;
        pause_least_ns = pause_ns;
        difference = static_cast<std::int64_t>(utc - before);
    }
    const bool stepped =
        std::abs(difference - known) > step_min_ns + static_cast<std::int64_t>(pause_least_ns);
    return stepped ? difference : known;
}

// Cycles a second, measured over two milliseconds: exact to some parts in a hundred thousand.
std::uint64_t measure_tsc_hz() noexcept {
    const std::uint64_t begin_ns = clock_ns(CLOCK_MONOTONIC);
    const std::uint64_t begin = __rdtsc();
    sleep_ns(2'000'000);
    const std::uint64_t end_ns = clock_ns(CLOCK_MONOTONIC);
    const std::uint64_t end = __rdtsc();
    return static_cast<std::uint64_t>(static_cast<double>(end - begin) * 1e9 /
                                      static_cast<double>(end_ns - begin_ns));
}

}  // namespace

void write_start(api::EvidenceHeader& evidence) noexcept {
    evidence.started_utc_ns = clock_ns(CLOCK_REALTIME);
    evidence.tsc_hz = measure_tsc_hz();
}

Housekeeper::Housekeeper(HousekeeperParts parts)
    : parts_(std::move(parts)),
      rules_(parts_.pipelines),
      evidence_(&parts_.segments->evidence()),
      port_counters_(parts_.ports.size()) {
    update_clock();
    update_ports();
    if (!parts_.hold) parts_.orders->begin.store(true, std::memory_order_release);
    update_state();
}

void Housekeeper::run(std::atomic<bool>& stop) {
    while (!leave_ && !stop.load(std::memory_order_relaxed)) {
        tick();
        sleep_ns(tick_ns);
    }
    drain();
    // Workers of a replay wait for whoever reads their rings; told to stop, they do not wait for ever.
    for (std::uint64_t waited_ns = 0; !all_finished(); waited_ns += tick_ns) {
        if (waited_ns > drain_patience_ns) stop.store(true);
        tick();
        sleep_ns(tick_ns);
    }
    tick();
}

void Housekeeper::tick() {
    note_peer();
    // Bounded: a broken picketd could post for ever.
    api::Command command;
    for (std::size_t taken = 0; taken < api::mailbox_slots && take_command(command); ++taken)
        execute(command);
    continue_walk();
    rules_.collect();
    for (Pipeline* pipeline : parts_.pipelines) delete pipeline->filters().take_retired();
    update_clock();
    const std::uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
    if (now_ns - ports_read_ns_ > port_interval_ns) update_ports();
    if (now_ns - costs_told_ns_ > cost_interval_ns) {
        rules_.publish_costs(parts_.segments->rule_costs());
        costs_told_ns_ = now_ns;
    }
    update_state();
    parts_.emitter->publish();
}

void Housekeeper::note_peer() {
    switch (parts_.listener->poll()) {
        case Listener::Change::connected:
            parts_.emitter->reply(api::EventKind::sensor_note, 0, 0, "control plane connected",
                                  clock_ns(CLOCK_MONOTONIC));
            break;
        case Listener::Change::disconnected:
            parts_.emitter->reply(api::EventKind::sensor_note, 0, 0, "control plane disconnected",
                                  clock_ns(CLOCK_MONOTONIC));
            break;
        case Listener::Change::none:
            break;
    }
}

// Copies the request before anybody looks at it: picketd could change it meanwhile.
bool Housekeeper::take_command(api::Command& command) noexcept {
    const api::Mailbox& mailbox = parts_.segments->control().mailbox;
    const std::uint64_t posted = mailbox.posted.value.load(std::memory_order_acquire);
    if (posted == commands_taken_) return false;
    if (posted - commands_taken_ > api::mailbox_slots) {
        // Not ours to repair: skip what cannot be there.
        commands_taken_ = posted;
        evidence_->commands_taken.value.store(posted, std::memory_order_release);
        return false;
    }
    command = mailbox.slots[commands_taken_ % api::mailbox_slots];
    ++commands_taken_;
    evidence_->commands_taken.value.store(commands_taken_, std::memory_order_release);
    return true;
}

void Housekeeper::reply(const api::Command& command, int status, std::string_view text) {
    parts_.emitter->reply(api::EventKind::command_reply, command.id, status, text, clock_ns(CLOCK_MONOTONIC));
    parts_.emitter->publish();
}

void Housekeeper::execute(const api::Command& command) {
    switch (command.kind) {
        case api::CommandKind::start:
            parts_.orders->begin.store(true, std::memory_order_release);
            reply(command, 0, "");
            return;
        case api::CommandKind::load_rules:
            load_rules(command);
            return;
        case api::CommandKind::walk:
            if (walk_.has_value()) {
                reply(command, EBUSY, "a walk is under way; ask again when it is done");
                return;
            }
            walk_ = command;
            reply(command, 0, "");
            return;
        case api::CommandKind::drain:
            drain();
            reply(command, 0, "");
            return;
        case api::CommandKind::stop:
            leave_ = true;
            reply(command, 0, "");
            return;
        case api::CommandKind::copy:
            copy_frames(command);
            return;
    }
    reply(command, EINVAL, "no such command");
}

void Housekeeper::load_rules(const api::Command& command) {
    const std::byte* bytes = parts_.segments->rule_bytes(command.offset, command.size);
    if (bytes == nullptr) {
        reply(command, EINVAL, "the rule blob does not lie within the rule area");
        return;
    }
    std::string error;
    const bool loaded = rules_.load({bytes, command.size}, command.generation, error);
    if (loaded) rules_.publish_costs(parts_.segments->rule_costs());  // whose they are, before they grow
    reply(command, loaded ? 0 : EINVAL, error);
}

void Housekeeper::copy_frames(const api::Command& command) {
    std::string error;
    for (Pipeline* pipeline : parts_.pipelines) {
        auto filter = capture::FrameFilter::create(command.program, error);
        if (!filter) return reply(command, EINVAL, error);
        // An offer that was not taken up yet is withdrawn: the newest counts.
        delete pipeline->filters().offer(filter.release());
    }
    reply(command, 0, "");
}

// A walk begins on all workers when all have done the one before.
void Housekeeper::continue_walk() noexcept {
    if (!walk_.has_value()) return;
    for (const Pipeline* pipeline : parts_.pipelines) {
        if (pipeline->walking()) return;
    }
    for (Pipeline* pipeline : parts_.pipelines) pipeline->begin_walk(walk_->id, walk_->filter);
    walk_.reset();
}

void Housekeeper::drain() noexcept {
    parts_.orders->drain.store(true, std::memory_order_release);
}

bool Housekeeper::all_finished() const noexcept {
    return std::all_of(parts_.states->begin(), parts_.states->end(), [](const WorkerState& state) {
        return state.finished.load(std::memory_order_acquire);
    });
}

void Housekeeper::update_state() noexcept {
    auto state = api::DataplaneState::running;
    if (all_finished()) {
        state = api::DataplaneState::finished;
    } else if (!parts_.orders->begin.load(std::memory_order_relaxed)) {
        state = api::DataplaneState::held;
    }
    evidence_->state.store(static_cast<std::uint32_t>(state), std::memory_order_release);

    std::uint32_t generation = UINT32_MAX;
    for (std::size_t i = 0; i < parts_.pipelines.size(); ++i) {
        const auto adopted =
            __atomic_load_n(&parts_.segments->worker_area(i).counters.rules_generation, __ATOMIC_ACQUIRE);
        generation = std::min(generation, static_cast<std::uint32_t>(adopted));
    }
    evidence_->rules_generation.store(generation, std::memory_order_release);
}

void Housekeeper::update_clock() noexcept {
    const std::uint64_t monotonic_ns = clock_ns(CLOCK_MONOTONIC);
    evidence_->heartbeat_ns.store(monotonic_ns, std::memory_order_release);
    evidence_->cpu_ns.store(clock_ns(CLOCK_PROCESS_CPUTIME_ID), std::memory_order_relaxed);
    api::ClockMap map;
    if (parts_.replay) {
        for (std::size_t i = 0; i < parts_.pipelines.size(); ++i) {
            const auto at =
                __atomic_load_n(&parts_.segments->worker_area(i).counters.packet_ns, __ATOMIC_RELAXED);
            map.packet_ns_now = std::max(map.packet_ns_now, at);
        }
    } else {
        map.packet_ns_now = monotonic_ns;
        utc_minus_packet_ns_ = utc_minus_monotonic(utc_minus_packet_ns_);
        map.utc_minus_packet_ns = utc_minus_packet_ns_;
    }
    evidence_->clock.write(map);
}

void Housekeeper::update_ports() {
    ports_read_ns_ = clock_ns(CLOCK_MONOTONIC);
    for (std::size_t i = 0; i < parts_.ports.size(); ++i) {
        const std::uint64_t link_before = port_counters_[i].link_up;
        if (parts_.ports[i]) parts_.ports[i](port_counters_[i]);
        parts_.segments->port_area(i).counters.write(port_counters_[i]);
        if (port_counters_[i].link_up != link_before) {
            parts_.emitter->note(api::EventKind::link, i << 1 | port_counters_[i].link_up, ports_read_ns_);
        }
    }
}

}  // namespace picket::housekeeping
