// One worker: its traffic, the real Pipeline over it, and the machine's memory limit beside it.
//
// Belongs to one thread, which constructs it too, so that its memory lies near its core. Events are written
// to a ring as large as a live worker's. Nobody reads it: the space is given back between blocks of frames,
// outside of the measured time, so the figures hold what writing costs and not what a reader's cache takes.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "bench/memory_limit/random_lines.h"
#include "bench/tool/population.h"
#include "bench/tool/row.h"
#include "bench/tool/traffic_source.h"
#include "bench/tool/tsc_clock.h"
#include "dataplane/match/rule_set.h"
#include "dataplane/pipeline.h"

namespace picket::bench {

// Totals of a stretch of measuring.
struct Slice {
    std::uint64_t packets = 0;
    std::uint64_t frame_bytes = 0;  // without check sequences
    std::uint64_t cycles = 0;       // of the worker: pipeline and housekeeping
    std::uint64_t source_cycles = 0;
    std::array<std::uint64_t, api::stage_count> stage_cycles{};
    std::uint64_t requests = 0;
    std::uint64_t begun = 0;  // flows
};

// What workers have in common. Outlives them.
struct Shared {
    RowSettings row;
    Population population;
    TscClock clock;
    std::shared_ptr<const RequestTexts> requests;
    std::shared_ptr<const match::RuleSet> rules;  // may be null
    steer::Mesh* mesh = nullptr;
};

class WorkerRig {
  public:
    // Throws SetupError, also where memory does not suffice.
    WorkerRig(const Shared& shared, unsigned worker);

    // Begins every flow, as if they had begun over the last two minutes: their timers and the times at which
    // records leave are spread as in a table that has run for long.
    void begin_flows();
    // The same in a moment, ending now_ns: for ports, whose packets bear the clock's time.
    void begin_flows_at(std::uint64_t now_ns);

    // Packets for so many seconds, making them included; the first twentieth is not measured.
    [[nodiscard]] Slice run(double seconds) noexcept;
    // Cycles that a random line costs, over as many lines as there are flows.
    [[nodiscard]] double memory_limit(double seconds) noexcept;

    [[nodiscard]] Pipeline& pipeline() noexcept { return pipeline_; }
    [[nodiscard]] TrafficSource& source() noexcept { return source_; }
    [[nodiscard]] api::WorkerArea& area() noexcept { return *area_; }
    // Gives the events' space back. From any one thread at a time.
    void drain() noexcept { read_.value = written_.value.load(); }

  private:
    static constexpr std::size_t ring_bytes = std::size_t{64} << 20;
    static constexpr std::size_t block_frames = 1024;

    void begin(double start_ns, double span_ns);
    void add_frame(std::size_t bytes) noexcept;
    void process_block() noexcept;
    void make_block() noexcept;
    [[nodiscard]] Slice totals() noexcept;

    const Shared& shared_;
    flow::PageMapping ring_;
    api::RingPosition written_;
    api::RingPosition read_;
    std::unique_ptr<api::WorkerArea> area_;
    emit::Emitter emitter_;
    Pipeline pipeline_;
    TrafficSource source_;
    RandomLines lines_;
    Random random_;

    std::vector<std::uint8_t> bytes_;  // of the block
    std::size_t bytes_used_ = 0;
    std::array<rx::Frame, block_frames> frames_;
    std::size_t frame_count_ = 0;
    double time_ns_ = 0;  // of the newest frame

    std::uint64_t packets_ = 0;
    std::uint64_t frame_bytes_ = 0;
    std::uint64_t cycles_ = 0;
    std::uint64_t source_cycles_ = 0;
};

// The hash of every table of the bench: the same in every run.
[[nodiscard]] const flow::KeyedHash& bench_hash() noexcept;

}  // namespace picket::bench
