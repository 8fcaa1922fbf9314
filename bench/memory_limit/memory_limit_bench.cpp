// The machine's limit, to read the other figures beside: random_lines.h says what it is.
#include <benchmark/benchmark.h>

#include <cstdint>

#include "bench/memory_limit/random_lines.h"
#include "bench/traffic.h"

namespace picket::bench {
namespace {

void random_line(benchmark::State& state) {
    RandomLines lines(static_cast<std::uint32_t>(state.range(0)));
    Random random;
    Meter meter(state);
    for (auto _ : state) {
        lines.choose(random);
        meter.measure(RandomLines::round_lines, [&] { lines.touch(); });
    }
    meter.report();
}
BENCHMARK(random_line)->Apply(flow_counts);

}  // namespace
}  // namespace picket::bench

BENCHMARK_MAIN();
