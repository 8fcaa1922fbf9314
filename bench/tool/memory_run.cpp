#include "bench/tool/memory_run.h"

#include "bench/tool/machine_info.h"
#include "bench/tool/pinned_threads.h"
#include "bench/tool/row_figures.h"
#include "bench/tool/worker_rig.h"
#include "dataplane/api/setup_error.h"

namespace picket::bench {
namespace {

constexpr double warm_up_s = 0.3;  // a core runs slower at first

// How the time of a run divides. With several workers each measure is taken twice, of one worker alone and of
// all together.
constexpr double limit_part = 0.2;

std::string named(const RowSettings& settings) {
    return std::string(mix_names[static_cast<std::size_t>(settings.mix)]) + ", " +
           std::to_string(settings.flows) + " flows";
}

class MemoryRun {
  public:
    MemoryRun(const RowSettings& settings, const Bench& bench)
        : mesh_(settings.workers, mesh_ring_bytes),
          threads_({settings.cores.begin(), settings.cores.begin() + settings.workers}),
          rigs_(settings.workers) {
        shared_ = std::make_unique<Shared>(Shared{settings, population_of(settings), bench.clock,
                                                  bench.requests, bench.rules.rules, &mesh_});
    }
    ~MemoryRun() {
        for (auto& rig : rigs_) rig.reset();
    }
    MemoryRun(const MemoryRun&) = delete;
    MemoryRun& operator=(const MemoryRun&) = delete;

    void set_up() {
        threads_.run([this](unsigned n) {
            rigs_[n] = std::make_unique<WorkerRig>(*shared_, n);
            rigs_[n]->begin_flows();
        });
    }
    void warm_up() {
        threads_.run([this](unsigned n) { static_cast<void>(rigs_[n]->run(warm_up_s)); });
    }

    // lone: the worker that is measured alone first, where there are several.
    Run measure(double seconds, unsigned lone) {
        Run run;
        run.slices.resize(rigs_.size());
        run.memory_limit_cycles.resize(rigs_.size());
        const bool several = rigs_.size() > 1;
        const double limit_s = seconds * limit_part / (several ? 2 : 1);
        const double packets_s = seconds * (1 - limit_part) / (several ? 2 : 1);
        const auto limit = [&](unsigned n) { run.memory_limit_cycles[n] = rigs_[n]->memory_limit(limit_s); };
        const auto packets = [&](unsigned n) { run.slices[n] = rigs_[n]->run(packets_s); };
        if (several) {
            threads_.run_alone(lone, limit);
            threads_.run_alone(lone, packets);
        }
        const double limit_alone = run.memory_limit_cycles[lone];
        const Slice alone = run.slices[lone];
        threads_.run(limit);
        threads_.run(packets);
        if (several) {
            const auto cost = [](const Slice& slice) {
                return static_cast<double>(slice.cycles) / static_cast<double>(slice.packets);
            };
            run.slowdown.memory_limit = run.memory_limit_cycles[lone] / limit_alone;
            run.slowdown.workers = cost(run.slices[lone]) / cost(alone);
        }
        return run;
    }

    void count(Row& row) {
        for (const auto& rig : rigs_) {
            rig->pipeline().publish();
            add_counters(rig->pipeline().counters(), rig->area().ports[0], row);
            row.lost += rig->area().ports[0].received - rig->area().ports[0].in_flows;
        }
        for (const auto& [name, count] : row.outcomes) row.lost -= name == "folded" ? count : 0;
    }

  private:
    static constexpr std::size_t mesh_ring_bytes = std::size_t{1} << 20;

    steer::Mesh mesh_;
    PinnedThreads threads_;
    std::unique_ptr<Shared> shared_;
    std::vector<std::unique_ptr<WorkerRig>> rigs_;
};

}  // namespace

void check_memory(const RowSettings& settings) {
    constexpr std::uint64_t beside = std::uint64_t{256} << 20;  // rings, texts, frames
    const std::uint64_t needed = (bytes_of(population_of(settings)) + beside) * settings.workers;
    const std::uint64_t available = available_bytes();
    if (available == 0 || needed <= available) return;
    throw SetupError("--flows " + std::to_string(settings.flows),
                     "needs about " + std::to_string(needed >> 20) + " MiB of memory and " +
                         std::to_string(available >> 20) + " MiB are available",
                     "take fewer flows");
}

Row run_in_memory(const RowSettings& settings, const Bench& bench, Progress& progress) {
    check_memory(settings);
    Row row;
    row.settings = settings;
    row.rules = bench.rules.loaded;
    progress.say(named(settings) + ": beginning the flows");
    MemoryRun memory(settings, bench);
    memory.set_up();
    progress.say(named(settings) + ": warming up");
    memory.warm_up();
    std::vector<Run> runs;
    for (unsigned i = 0; i < settings.runs; ++i) {
        progress.say(named(settings) + ": run " + std::to_string(i + 1) + " of " +
                     std::to_string(settings.runs));
        runs.push_back(memory.measure(settings.seconds / settings.runs, i % settings.workers));
    }
    take_runs(runs, bench.clock, row);
    memory.count(row);
    return row;
}

}  // namespace picket::bench
