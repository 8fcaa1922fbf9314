// What the http stage costs within the pipeline, a request: heads that lie in one segment, and heads that
// come in pieces and are gathered.
//
// Counters: http_cycles is the http stage alone a request, cycles the whole pipeline a packet.
#include <benchmark/benchmark.h>

#include <string_view>

#include "bench/pipeline_rig.h"
#include "dataplane/http/request_stage.h"

namespace picket::bench {
namespace {

constexpr std::uint32_t connections = 1'000;
constexpr std::uint64_t gap_ns = 400;  // 500-byte packets at 10 Gbit/s

std::vector<std::uint8_t> segment(std::string_view payload) {
    return tcp_packet().payload(payload).bytes();
}

void report(Meter& meter, benchmark::State& state, PipelineRig& rig, std::uint64_t requests,
            std::uint64_t cycles) {
    if (!rig.lossless()) state.SkipWithError("packets or events were lost");
    const std::uint64_t found = rig.counters().http_requests;
    if (found != requests) state.SkipWithError("not every request was found");
    meter.report();
    state.counters["http_cycles"] = static_cast<double>(cycles) / static_cast<double>(found);
}

// Every packet is a whole request.
void whole(benchmark::State& state) {
    PipelineRig rig(2 * connections);
    FrameBlock block(segment(browser_request), block_frames);
    Connections streams(connections);
    std::uint64_t time_ns = second_ns;
    std::uint32_t flow = 0;
    Meter meter(state);
    for (auto _ : state) {
        for (std::size_t i = 0; i < block_frames; ++i) {
            flow = (flow + 1) % connections;
            block.aim(i, flow, time_ns += gap_ns);
            block.set_tcp_sequence(i, streams.advance(flow, browser_request.size()));
        }
        meter.measure(block_frames, [&] { rig.process(block); });
        rig.drain();
    }
    report(meter, state, rig, meter.packets(), rig.cycles(api::Stage::http));
}
BENCHMARK(whole)->UseManualTime();

// Every request comes in two segments, the second of which follows a thousand packets later.
void split(benchmark::State& state) {
    constexpr std::size_t cut = 200;
    PipelineRig rig(2 * connections);
    FrameBlock first(segment(browser_request.substr(0, cut)), connections / burst_frames * burst_frames);
    FrameBlock second(segment(browser_request.substr(cut)), connections / burst_frames * burst_frames);
    const std::size_t frames = first.frames().size();
    Connections streams(connections);
    std::uint64_t time_ns = second_ns;
    std::uint64_t requests = 0;
    Meter meter(state);
    for (auto _ : state) {
        for (FrameBlock* block : {&first, &second}) {
            for (std::size_t i = 0; i < frames; ++i) {
                const auto flow = static_cast<std::uint32_t>(i);
                const std::size_t bytes = block == &first ? cut : browser_request.size() - cut;
                block->aim(i, flow, time_ns += gap_ns);
                block->set_tcp_sequence(i, streams.advance(flow, static_cast<std::uint32_t>(bytes)));
            }
        }
        meter.measure(2 * frames, [&] {
            rig.process(first);
            rig.process(second);
        });
        rig.drain();
        requests += frames;
    }
    report(meter, state, rig, requests, rig.cycles(api::Stage::http));
}
BENCHMARK(split)->UseManualTime();

}  // namespace
}  // namespace picket::bench

BENCHMARK_MAIN();
