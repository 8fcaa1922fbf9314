#include "bench/tool/port_run.h"

#include <sys/stat.h>
#include <time.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <functional>
#include <future>

#include "bench/tool/deep_ring.h"
#include "bench/tool/port_sender.h"
#include "bench/tool/rate_search.h"
#include "bench/tool/row_figures.h"
#include "bench/tool/worker_rig.h"
#include "dataplane/api/setup_error.h"
#include "dataplane/rx/dpdk_port.h"
#include "dataplane/rx/eal.h"
#include "dataplane/worker.h"

namespace picket::bench {
namespace {

constexpr std::size_t worker_thread = 0;  // of the Eal
constexpr std::size_t sender_thread = 1;
constexpr unsigned trials_max = 12;
constexpr double warm_up_s = 0.3;
constexpr double limit_part = 0.2;
constexpr unsigned ring_frames = 32'768;
constexpr unsigned memif_frames = 2048;  // copied at once: only what the driver has not freed yet

std::uint64_t monotonic_ns() noexcept {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

// A directory for memif's socket, gone with this object.
class SocketDirectory {
  public:
    SocketDirectory() {
        std::string name = (std::filesystem::temp_directory_path() / "picket-bench-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) {
            throw SetupError(name, std::string("cannot be made: ") + std::strerror(errno),
                             "set TMPDIR to a directory that can be written");
        }
        path_ = name;
    }
    ~SocketDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    SocketDirectory(const SocketDirectory&) = delete;
    SocketDirectory& operator=(const SocketDirectory&) = delete;

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

  private:
    std::string path_;
};

rx::EalSettings eal_settings(const RowSettings& row) {
    rx::EalSettings settings;
    settings.worker_cores = row.cores;
    settings.memory_mib = 512;
    settings.telemetry = false;
    return settings;
}

rx::PortSettings port_settings(const std::string& device, std::uint16_t index) {
    rx::PortSettings settings;
    settings.device = rx::parse_device(device);
    settings.name = "bench" + std::to_string(index);
    settings.index = index;
    settings.burst = burst_max;
    return settings;
}

// Runs a task on a DPDK thread and sleeps until it is done: Eal::wait() polls, on a core that worker or
// sender need where there are no more than two. Throws what the task threw.
void run_on(rx::Eal& eal, std::size_t thread, const std::function<void()>& task) {
    std::promise<void> done;
    eal.launch(thread, [&] {
        try {
            task();
            done.set_value();
        } catch (...) {
            done.set_exception(std::current_exception());
        }
    });
    auto result = done.get_future();
    result.wait();
    eal.wait(thread);
    result.get();
}

// What a worker has published, all of one moment.
struct Counted {
    api::WorkerCounters counters;
    api::PortAudit audit;
};

Counted read_counters(const api::WorkerArea& area) noexcept {
    Counted counted;
    for (;;) {
        const std::uint64_t begin = area.sequence.read_begin();
        api::load_words(counted.counters, area.counters);
        api::load_words(counted.audit, area.ports[0]);
        if (area.sequence.read_ok(begin)) return counted;
    }
}

Slice slice_between(const Counted& before, const Counted& after) noexcept {
    Slice slice;
    slice.packets = after.audit.received - before.audit.received;
    slice.frame_bytes = after.audit.received_bytes - before.audit.received_bytes;
    slice.cycles = after.counters.cycles_busy - before.counters.cycles_busy;
    for (std::size_t i = 0; i < api::stage_count; ++i)
        slice.stage_cycles[i] = after.counters.cycles_stage[i] - before.counters.cycles_stage[i];
    slice.requests = after.counters.http_requests - before.counters.http_requests;
    return slice;
}

}  // namespace

// Members are destroyed from the last to the first: ports before what is sent through them.
struct PortBench::State {
    explicit State(const RowSettings& row) : eal(eal_settings(row)) {}

    SocketDirectory directory;
    rx::Eal eal;
    std::unique_ptr<DeepRing> ring;
    std::unique_ptr<PortSender> sender;
    std::unique_ptr<rx::DpdkPort> sending;  // memif: the other end
    std::unique_ptr<rx::DpdkPort> receiving;
    std::unique_ptr<rx::RxQueue> queue;  // while no worker has it
};

namespace {

// One row: a worker that runs all the time, and trials while it does.
class PortRow {
  public:
    PortRow(const RowSettings& settings, const Bench& bench, rx::Eal& eal, PortSender& sender,
            std::unique_ptr<rx::RxQueue>& queue)
        : settings_(settings),
          shared_{settings, population_of(settings), bench.clock, bench.requests, bench.rules.rules, &mesh_},
          eal_(eal),
          sender_(sender),
          queue_(queue) {
        run_on(eal_, worker_thread, [this] {
            rig_ = std::make_unique<WorkerRig>(shared_, 0);
            rig_->begin_flows_at(monotonic_ns());
        });
        worker_.pipeline = &rig_->pipeline();
        worker_.queues.push_back(std::move(queue_));
        orders_.begin = true;
        eal_.launch(worker_thread, [this] { run_live_worker(worker_, orders_, state_); });
    }
    // The worker ends its flows: their records are given room until it is done.
    ~PortRow() {
        orders_.drain = true;
        while (!state_.finished.load(std::memory_order_acquire)) {
            rig_->drain();
            sleep_ns(100'000);
        }
        orders_.leave = true;
        eal_.wait(worker_thread);
        queue_ = std::move(worker_.queues.front());
    }
    PortRow(const PortRow&) = delete;
    PortRow& operator=(const PortRow&) = delete;

    // slice: what the worker did with it, if wanted.
    Trial attempt(double mpps, double seconds, Slice* slice = nullptr) {
        const Counted before = read_counters(rig_->area());
        const std::uint64_t begun = rig_->source().begun();
        Sent sent;
        run_on(eal_, sender_thread, [&] {
            sent = sender_.send(rig_->source(), mpps, seconds, shared_.clock, [this] { rig_->drain(); });
        });
        const Counted after = settle(before.audit.received + sent.taken);
        if (slice != nullptr) {
            *slice = slice_between(before, after);
            slice->begun = rig_->source().begun() - begun;
            slice->source_cycles = sent.source_cycles;
        }
        follow_rate(sent);
        Trial trial;
        trial.sent = sent.frames;
        trial.missed = sent.missed;
        trial.received = after.audit.received - before.audit.received;
        trial.offered_mpps = static_cast<double>(sent.frames) / sent.seconds * 1e-6;
        trial.passed_mpps = static_cast<double>(trial.received) / sent.seconds * 1e-6;
        return trial;
    }

    // On the sender's core, while the worker waits for packets.
    double memory_limit(double seconds) {
        double cycles = 0;
        run_on(eal_, sender_thread, [&] { cycles = rig_->memory_limit(seconds); });
        return cycles;
    }

    [[nodiscard]] Counted counted() { return read_counters(rig_->area()); }

  private:
    static constexpr std::size_t mesh_ring_bytes = std::size_t{1} << 20;

    // Waits until the worker has published so many packets, or no more come.
    Counted settle(std::uint64_t received) {
        constexpr unsigned quiet_max = 100;
        Counted last = counted();
        for (unsigned quiet = 0; last.audit.received < received && quiet < quiet_max; ++quiet) {
            sleep_ns(1'000'000);
            const Counted now = counted();
            if (now.audit.received != last.audit.received) quiet = 0;
            last = now;
        }
        return last;
    }

    void follow_rate(const Sent& sent) {
        if (settings_.new_flows_per_s <= 0 || sent.taken == 0) return;
        rig_->source().set_new_flows(settings_.new_flows_per_s * sent.seconds /
                                     static_cast<double>(sent.taken));
    }

    const RowSettings& settings_;
    steer::Mesh mesh_{1, mesh_ring_bytes};
    Shared shared_;
    rx::Eal& eal_;
    PortSender& sender_;
    std::unique_ptr<rx::RxQueue>& queue_;
    std::unique_ptr<WorkerRig> rig_;
    LiveWorker worker_;
    WorkerOrders orders_;
    WorkerState state_;
};

}  // namespace

PortBench::PortBench(const RowSettings& settings) : state_(std::make_unique<State>(settings)) {
    State& state = *state_;
    std::string ethdev;
    if (settings.via == Via::ring) {
        state.ring = std::make_unique<DeepRing>(ring_frames);
        ethdev = DeepRing::ethdev();
        state.receiving = std::make_unique<rx::DpdkPort>(port_settings(DeepRing::device(), 0));
    } else {
        // Two spellings of one path: DPDK's driver keeps one role a path and process.
        const std::string& directory = state.directory.path();
        ethdev = "net_memif9";
        state.receiving =
            std::make_unique<rx::DpdkPort>(port_settings("memif:" + directory + "/memif.sock", 0));
        state.sending = std::make_unique<rx::DpdkPort>(
            port_settings("vdev:" + ethdev + ",role=client,id=0,socket=" + directory +
                              "/./memif.sock,socket-abstract=no,rsize=13,bsize=2048",
                          1));
        for (unsigned tries = 0; !state.sending->stats().link_up || !state.receiving->stats().link_up;
             ++tries) {
            if (tries == 2000) throw SetupError("memif", "the two ends do not connect", "take --via ring");
            sleep_ns(1'000'000);
        }
    }
    state.queue = state.receiving->queue(0);
    state.sender =
        std::make_unique<PortSender>(ethdev, settings.via == Via::ring ? ring_frames : memif_frames);
}

// When one end of a memif closes, DPDK's own thread disconnects the other, which must not close meanwhile.
PortBench::~PortBench() {
    state_->queue.reset();
    state_->receiving.reset();
    if (state_->sending != nullptr) sleep_ns(50'000'000);
}

const std::vector<std::string>& PortBench::warnings() const noexcept {
    return state_->eal.warnings();
}

Row PortBench::run(const RowSettings& settings, const Bench& bench, Progress& progress) {
    check_memory(settings);
    Row row;
    row.settings = settings;
    row.rules = bench.rules.loaded;
    progress.say("beginning " + std::to_string(settings.flows) + " flows");
    PortRow port(settings, bench, state_->eal, *state_->sender, state_->queue);
    static_cast<void>(port.attempt(0, warm_up_s));
    unsigned trials = 0;
    row.search = search_rates(
        [&](double mpps) {
            progress.say("trial " + std::to_string(++trials) + " of at most " + std::to_string(trials_max));
            return port.attempt(mpps, settings.seconds / 10);
        },
        settings.loss, trials_max);
    const double rate = row.search.sender_limited ? 0 : row.search.ndr_mpps;
    std::vector<Run> runs(settings.runs);
    std::vector<double> passed;
    const double run_s = settings.seconds / settings.runs;
    // Where every rate lost something, the highest is measured, and its loss said.
    for (std::size_t i = 0; i < runs.size(); ++i) {
        progress.say("run " + std::to_string(i + 1) + " of " + std::to_string(runs.size()));
        runs[i].memory_limit_cycles.push_back(port.memory_limit(run_s * limit_part));
        runs[i].slices.emplace_back();
        const Trial trial = port.attempt(rate, run_s * (1 - limit_part), &runs[i].slices[0]);
        passed.push_back(trial.passed_mpps);
        row.lost += trial.sent - trial.received;
    }
    take_runs(runs, bench.clock, row);
    const double per_mpps = row.gbit_per_s / row.mpps;
    row.uris_per_s /= row.mpps;
    row.new_flows_per_s /= row.mpps;
    row.mpps = median(std::move(passed));
    row.gbit_per_s = row.mpps * per_mpps;
    row.uris_per_s *= row.mpps;
    row.new_flows_per_s *= row.mpps;
    const Counted counted = port.counted();
    add_counters(counted.counters, counted.audit, row);
    return row;
}

}  // namespace picket::bench
