// The machine's limit, to read the other figures beside: one random cache line a packet is read and written,
// over as many lines as there are flows, prefetched in batches of 32. No flow table can be faster at one line
// a packet.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "bench/traffic.h"
#include "dataplane/flow/flow_table.h"

namespace picket::bench {
namespace {

constexpr std::size_t batch_lines = 32;
constexpr std::size_t words_a_line = 8;

void random_line(benchmark::State& state) {
    const auto flows = static_cast<std::uint32_t>(state.range(0));
    const flow::PageMapping memory(std::size_t{flows} * 64);
    auto* words = reinterpret_cast<std::uint64_t*>(memory.data());
    for (std::size_t i = 0; i < flows; ++i) words[i * words_a_line] = i;
    Random random;
    std::vector<std::uint32_t> order(block_frames);
    Meter meter(state);
    for (auto _ : state) {
        for (auto& index : order) index = random.below(flows);
        meter.measure(order.size(), [&] {
            for (std::size_t at = 0; at < order.size(); at += batch_lines) {
                for (std::size_t i = at; i < at + batch_lines; ++i) {
                    __builtin_prefetch(&words[order[i] * words_a_line], 1);
                }
                for (std::size_t i = at; i < at + batch_lines; ++i) ++words[order[i] * words_a_line];
            }
        });
    }
    benchmark::DoNotOptimize(words[0]);
    meter.report();
}
BENCHMARK(random_line)->Apply(flow_counts);

}  // namespace
}  // namespace picket::bench

BENCHMARK_MAIN();
