// What a packet costs from the hand-over of its burst to the end of its emission, by number of flows; and of
// that each stage. Timer wheel and housekeeping are part of it, receiving is not. No rules are loaded.
//
// Counters: cycles is the whole, of the thread's own time. The stages' are differences of the TSC, which runs
// on while others have the core: on a busy machine they add up to more. Compare the time with
// bench/memory_limit at the same number of flows.
#include <benchmark/benchmark.h>

#include <array>
#include <string>
#include <vector>

#include "bench/pipeline_rig.h"
#include "dataplane/pipeline.h"

namespace picket::bench {
namespace {

constexpr std::uint64_t gap_ns = 67;  // 64-byte packets at 10 Gbit/s

using StageCycles = std::array<std::uint64_t, api::stage_count>;

void report(Meter& meter, benchmark::State& state, PipelineRig& rig, const StageCycles& before) {
    if (!rig.lossless()) state.SkipWithError("packets or events were lost");
    meter.report();
    const StageCycles& after = rig.counters().cycles_stage;
    for (std::size_t stage = 0; stage < api::stage_count; ++stage) {
        if (after[stage] == before[stage]) continue;
        state.counters[std::string(api::stage_names[stage])] =
            static_cast<double>(after[stage] - before[stage]) / static_cast<double>(meter.packets());
    }
}

// Every flow is there before timing starts.
void begin_flows(PipelineRig& rig, FrameBlock& block, std::uint32_t flows, std::uint64_t& time_ns) {
    for (std::uint32_t at = 0; at < flows; at += block_frames) {
        for (std::uint32_t i = 0; i < block_frames; ++i) {
            block.aim(i, std::min(at + i, flows - 1), time_ns += gap_ns);
        }
        rig.process(block);
        rig.drain();
    }
}

void smallest(benchmark::State& state) {
    const auto flows = static_cast<std::uint32_t>(state.range(0));
    PipelineRig rig(flows + block_frames);
    FrameBlock block(smallest_frame(udp_packet().bytes()), block_frames);
    std::uint64_t time_ns = second_ns;
    begin_flows(rig, block, flows, time_ns);
    Random random;
    const StageCycles before = rig.counters().cycles_stage;
    Meter meter(state);
    for (auto _ : state) {
        for (std::size_t i = 0; i < block_frames; ++i) block.aim(i, random.below(flows), time_ns += gap_ns);
        meter.measure(block_frames, [&] { rig.process(block); });
        rig.drain();
    }
    report(meter, state, rig, before);
}
BENCHMARK(smallest)->Apply(flow_counts);

// Every packet begins a flow, and for every packet a record leaves: the given number of flows is alive.
void churn(benchmark::State& state) {
    const auto flows = static_cast<std::uint32_t>(state.range(0));
    const std::uint64_t birth_gap_ns = 15 * second_ns / flows;
    PipelineRig rig(flows + flows / 4 + 4 * block_frames);
    FrameBlock block(smallest_frame(udp_packet().bytes()), block_frames);
    std::uint64_t time_ns = second_ns;
    std::uint32_t next = 0;
    const auto make = [&] {
        for (std::size_t i = 0; i < block_frames; ++i) block.aim(i, next++, time_ns += birth_gap_ns);
    };
    while (next < flows + flows / 4) {
        make();
        rig.process(block);
        rig.drain();
    }
    const StageCycles before = rig.counters().cycles_stage;
    Meter meter(state);
    for (auto _ : state) {
        make();
        meter.measure(block_frames, [&] { rig.process(block); });
        rig.drain();
    }
    report(meter, state, rig, before);
}
BENCHMARK(churn)->Apply(flow_counts);

// A tenth of the packets are whole requests of established connections, the others their acknowledgments.
void web(benchmark::State& state) {
    constexpr std::size_t request_every = 10;
    const auto flows = static_cast<std::uint32_t>(state.range(0));
    PipelineRig rig(flows + block_frames);
    std::vector<std::vector<std::uint8_t>> likes(request_every, smallest_frame(tcp_packet().bytes()));
    likes[0] = tcp_packet().payload(browser_request).bytes();
    FrameBlock block(likes, block_frames);
    Connections streams(flows);
    std::uint64_t time_ns = second_ns;
    Random random;
    const auto aim = [&](std::uint32_t i, std::uint32_t flow) {
        const std::size_t payload = i % request_every == 0 ? browser_request.size() : 0;
        block.aim(i, flow, time_ns += gap_ns);
        block.set_tcp_sequence(i, streams.advance(flow, static_cast<std::uint32_t>(payload)));
    };
    for (std::uint32_t at = 0; at < flows; at += block_frames) {
        for (std::uint32_t i = 0; i < block_frames; ++i) aim(i, std::min(at + i, flows - 1));
        rig.process(block);
        rig.drain();
    }
    const StageCycles before = rig.counters().cycles_stage;
    const std::uint64_t requests_before = rig.counters().http_requests;
    Meter meter(state);
    for (auto _ : state) {
        for (std::uint32_t i = 0; i < block_frames; ++i) aim(i, random.below(flows));
        meter.measure(block_frames, [&] { rig.process(block); });
        rig.drain();
    }
    report(meter, state, rig, before);
    state.counters["requests"] = static_cast<double>(rig.counters().http_requests - requests_before) /
                                 static_cast<double>(meter.packets());
}
BENCHMARK(web)->Apply(flow_counts);

}  // namespace
}  // namespace picket::bench

BENCHMARK_MAIN();
