// What a packet of a flood costs while the flow table is under pressure: 100 % new SYN packets of random
// 5-tuples, the whole pipeline, timer wheel, housekeeping and fold events included. The table is filled to
// flow.fold_above before timing starts.
//
// flood: nothing but the flood. flood_among_flows: one burst in 65 belongs to one of 1,000 established
// flows. flood_unfolded: the same flood with folding switched off and the table full: every packet is
// refused. A run fails if a packet of a flow is not counted in it, or totals are not exact. grown_kib: how
// much more memory the process has in use at the end than when the table was filled.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdio>
#include <vector>

#include "bench/pipeline_rig.h"
#include "tests/support/flood.h"

namespace picket::bench {
namespace {

constexpr std::uint64_t gap_ns = 67;  // 64-byte packets at 10 Gbit/s
constexpr std::uint32_t old_flows = 1000;

std::uint64_t resident_kib() {
    unsigned long long size = 0;
    unsigned long long resident = 0;
    std::FILE* file = std::fopen("/proc/self/statm", "r");
    if (file == nullptr) return 0;
    const int fields = std::fscanf(file, "%llu %llu", &size, &resident);
    std::fclose(file);
    return fields == 2 ? resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) / 1024 : 0;
}

class FoldRig {
  public:
    FoldRig(std::size_t capacity, double fold_above)
        : data_(ring_bytes / 8),
          emitter_(
              api::EventRingWriter(reinterpret_cast<std::byte*>(data_.data()), ring_bytes, written_, read_),
              {}),
          pipeline_(settings_of(capacity, fold_above), bench_hash, emitter_, nullptr, area_) {}

    void process(std::span<const rx::Frame> frames) noexcept {
        for (std::size_t at = 0; at < frames.size(); at += burst_frames) {
            const auto burst = frames.subspan(at, std::min(burst_frames, frames.size() - at));
            pipeline_.process(burst, Pipeline::Origin::queue);
            pipeline_.housekeep(burst.back().time_ns);
        }
    }
    void drain() noexcept { read_.value = written_.value.load(); }
    [[nodiscard]] std::uint64_t outcome(api::Outcome name) const noexcept {
        return area_.ports[0].outcomes[static_cast<std::size_t>(name)];
    }
    [[nodiscard]] const api::PortAudit& audit() const noexcept { return area_.ports[0]; }
    [[nodiscard]] Pipeline& pipeline() noexcept { return pipeline_; }

    // Received = in flows + folded + refused; and each fold table accounts for everything.
    [[nodiscard]] bool exact() noexcept {
        auto& tables = pipeline_.tracker().folder().tables();
        for (std::size_t table = 0; table < flow::fold_tables; ++table) {
            flow::FoldTotals sum = tables.other(table);
            sum += tables.reported(table);
            sum += tables.held(table);
            if (!(sum == tables.totals())) return false;
        }
        return audit().received ==
                   audit().in_flows + outcome(api::Outcome::folded) + outcome(api::Outcome::table_full) &&
               tables.totals().packets == outcome(api::Outcome::folded) &&
               tables.totals().bytes == tables.totals().packets * testing::flood_ip_bytes;
    }

  private:
    static constexpr std::size_t ring_bytes = std::size_t{16} << 20;

    static PipelineSettings settings_of(std::size_t capacity, double fold_above) {
        PipelineSettings settings;
        settings.flow.capacity = capacity;
        settings.flow.fold_above_share = fold_above;
        return settings;
    }

    std::vector<std::uint64_t> data_;
    api::RingPosition written_;
    api::RingPosition read_;
    api::WorkerArea area_;
    emit::Emitter emitter_;
    Pipeline pipeline_;
};

void report_stages(benchmark::State& state, const Meter& meter, Pipeline& pipeline,
                   const std::array<std::uint64_t, api::stage_count>& before) {
    const auto& after = pipeline.counters().cycles_stage;
    for (std::size_t stage = 0; stage < api::stage_count; ++stage) {
        if (after[stage] == before[stage]) continue;
        state.counters[std::string(api::stage_names[stage])] =
            static_cast<double>(after[stage] - before[stage]) / static_cast<double>(meter.packets());
    }
}

void run_flood(benchmark::State& state, double fold_above, bool among_flows) {
    const auto capacity = static_cast<std::size_t>(state.range(0)) + 2 * old_flows;
    FoldRig rig(capacity, fold_above);
    std::uint64_t time_ns = second_ns;
    FrameBlock old(smallest_frame(tcp_packet().bytes()), burst_frames);
    testing::Flood flood(block_frames);
    std::uint64_t old_packets = 0;
    const auto send_old = [&](std::uint32_t first) {
        for (std::size_t i = 0; i < burst_frames; ++i) {
            old.aim(i, (first + static_cast<std::uint32_t>(i)) % old_flows, time_ns);
        }
        rig.process(old.frames());
        old_packets += burst_frames;
    };
    for (std::uint32_t first = 0; first < old_flows; first += burst_frames) send_old(first);
    const auto pressed = [&] {
        return rig.outcome(api::Outcome::folded) + rig.outcome(api::Outcome::table_full) >= block_frames;
    };
    while (!pressed()) {
        rig.process(flood.next(time_ns, gap_ns));
        rig.drain();
    }
    const std::uint64_t resident = resident_kib();
    const std::uint64_t began = rig.audit().in_flows - old_packets;
    const auto before = rig.pipeline().counters().cycles_stage;
    std::uint32_t turn = 0;
    Meter meter(state);
    for (auto _ : state) {
        const auto frames = flood.next(time_ns, gap_ns);
        meter.measure(block_frames + (among_flows ? burst_frames : 0), [&] {
            rig.process(frames);
            if (among_flows) send_old(turn += burst_frames);
        });
        rig.drain();
    }
    if (!rig.exact()) state.SkipWithError("totals are not exact");
    if (rig.audit().in_flows != began + old_packets) state.SkipWithError("flows are not whole");
    meter.report();
    report_stages(state, meter, rig.pipeline(), before);
    state.counters["grown_kib"] = static_cast<double>(resident_kib() - std::min(resident, resident_kib()));
}

void flood(benchmark::State& state) {
    run_flood(state, 0.9, false);
}
void flood_among_flows(benchmark::State& state) {
    run_flood(state, 0.9, true);
}
void flood_unfolded(benchmark::State& state) {
    run_flood(state, 0, false);
}
BENCHMARK(flood)->Apply(flow_counts);
BENCHMARK(flood_among_flows)->Apply(flow_counts);
BENCHMARK(flood_unfolded)->Apply(flow_counts);

}  // namespace
}  // namespace picket::bench

BENCHMARK_MAIN();
