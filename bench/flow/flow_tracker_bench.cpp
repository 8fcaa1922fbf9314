// What the flow stage costs a packet: 64-byte packets of flows that are there already, drawn at random, and
// of flows that are all new. Packets come in bursts as from the parser, which is not part of the time.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

#include "bench/traffic.h"
#include "dataplane/flow/flow_tracker.h"
#include "dataplane/parse/parse_frame.h"

namespace picket::bench {
namespace {

class RecordCounter final : public flow::RecordSink {
  public:
    void flow_record(const api::FlowRecord& record) noexcept override {
        ++records;
        benchmark::DoNotOptimize(record.flow_id);
    }
    void flow_ending(flow::HotFlow& /*hot*/, flow::ColdFlow& /*cold*/) noexcept override {}
    std::uint64_t records = 0;
};

// One worker's flow stage, and parsed packets to feed it with.
class FlowBench {
  public:
    FlowBench(std::size_t capacity, const testing::PacketBuilder& like)
        : tracker_(settings_of(capacity), bench_hash, sink_),
          block_(smallest_frame(like.bytes()), block_frames),
          packets_(block_frames) {}

    // A packet of each flow of the block; flow_of(i) numbers them.
    template <typename FlowOf>
    void make_block(std::uint64_t gap_ns, FlowOf&& flow_of) {
        for (std::size_t i = 0; i < block_frames; ++i) {
            block_.aim(i, flow_of(i), time_ns_ += gap_ns);
            packets_[i] = parse::Packet{};
            if (parse::parse_frame(block_.frame(i), {}, bench_hash, packets_[i])) std::abort();
            packets_[i].hash = bench_hash(packets_[i].key);
        }
    }

    // Returns how many packets found no room.
    std::uint64_t track_block() noexcept {
        std::array<flow::Tracked, burst_frames> results;
        std::uint64_t lost = 0;
        for (std::size_t at = 0; at < block_frames; at += burst_frames) {
            const std::span<const parse::Packet> burst(packets_.data() + at, burst_frames);
            tracker_.prefetch(burst);
            for (std::size_t done = 0; done < burst.size();) {
                done += tracker_.track(burst.subspan(done), std::span(results).subspan(done));
            }
            for (const auto& result : results) lost += result.cold == flow::no_index ? 1 : 0;
            tracker_.turn_wheel(burst.back().time_ns);
        }
        return lost;
    }

  private:
    static flow::FlowSettings settings_of(std::size_t capacity) {
        flow::FlowSettings settings;
        settings.capacity = capacity;
        return settings;
    }

    RecordCounter sink_;
    flow::FlowTracker tracker_;
    FrameBlock block_;
    std::vector<parse::Packet> packets_;
    std::uint64_t time_ns_ = second_ns;
};

void track(benchmark::State& state, const testing::PacketBuilder& like) {
    constexpr std::uint64_t gap_ns = 67;  // 64-byte packets at 10 Gbit/s
    const auto flows = static_cast<std::uint32_t>(state.range(0));
    FlowBench bench(flows + block_frames, like);
    for (std::uint32_t at = 0; at < flows; at += block_frames) {
        bench.make_block(gap_ns, [at, flows](std::size_t i) {
            return std::min(at + static_cast<std::uint32_t>(i), flows - 1);
        });
        if (bench.track_block() != 0) std::abort();
    }
    Random random;
    std::uint64_t lost = 0;
    Meter meter(state);
    for (auto _ : state) {
        bench.make_block(gap_ns, [&random, flows](std::size_t) { return random.below(flows); });
        meter.measure(block_frames, [&] { lost += bench.track_block(); });
    }
    if (lost != 0) state.SkipWithError("the table was full");
    meter.report();
}
BENCHMARK_CAPTURE(track, udp, udp_packet())->Apply(flow_counts);
BENCHMARK_CAPTURE(track, tcp, tcp_packet())->Apply(flow_counts);

// Every packet begins a flow, and for every packet one ends idle and leaves as a record: they come so fast
// that the given number is alive.
void churn(benchmark::State& state) {
    const auto flows = static_cast<std::uint32_t>(state.range(0));
    const std::uint64_t gap_ns = 15 * second_ns / flows;
    // A tick of the wheel longer than their timeout, and what of it the wheel has not got to.
    FlowBench bench(flows + flows / 4 + 4 * block_frames, udp_packet());
    std::uint32_t next = 0;
    std::uint64_t lost = 0;
    const auto make = [&] { bench.make_block(gap_ns, [&next](std::size_t) { return next++; }); };
    while (next < flows + flows / 4) {
        make();
        lost += bench.track_block();
    }
    Meter meter(state);
    for (auto _ : state) {
        make();
        meter.measure(block_frames, [&] { lost += bench.track_block(); });
    }
    if (lost != 0) state.SkipWithError("the table was full");
    meter.report();
}
BENCHMARK(churn)->Apply(flow_counts);

}  // namespace
}  // namespace picket::bench

BENCHMARK_MAIN();
