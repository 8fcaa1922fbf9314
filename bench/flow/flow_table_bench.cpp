// What it costs to find a flow: hash all keys of a batch, prefetch all, look up all. Keys are drawn at
// random, so that each lookup is a random line; compare bench/memory_limit.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdlib>
#include <vector>

#include "bench/flow/flow_keys.h"
#include "bench/traffic.h"
#include "dataplane/flow/flow_table.h"

namespace picket::bench {
namespace {

// Looks up as many different keys as there are flows, from `first` on; the table holds those from 0 on.
void look_up(benchmark::State& state, std::uint32_t first, bool found) {
    const auto flows = static_cast<std::uint32_t>(state.range(0));
    flow::FlowTable table(bench_hash, flows, true);
    for (std::uint32_t i = 0; i < flows; ++i) {
        const flow::FlowKey key = key_of(i);
        if (table.insert(key, table.hash(key), nullptr) == nullptr) std::abort();
    }
    Random random;
    std::vector<flow::FlowKey> keys(block_frames);
    std::uint64_t hits = 0;
    Meter meter(state);
    for (auto _ : state) {
        for (auto& key : keys) key = key_of(first + random.below(flows));
        meter.measure(keys.size(), [&] {
            std::array<std::uint64_t, batch_keys> hashes;
            for (std::size_t at = 0; at < keys.size(); at += batch_keys) {
                for (std::size_t i = 0; i < batch_keys; ++i) hashes[i] = table.hash(keys[at + i]);
                for (const std::uint64_t hash : hashes) table.prefetch(hash);
                for (std::size_t i = 0; i < batch_keys; ++i) {
                    hits += table.find(keys[at + i], hashes[i], nullptr) != nullptr ? 1 : 0;
                }
            }
        });
    }
    if (hits != (found ? meter.packets() : 0)) state.SkipWithError("lookups found what they should not");
    meter.report();
}

void find_present(benchmark::State& state) {
    look_up(state, 0, true);
}
void find_absent(benchmark::State& state) {
    look_up(state, 0x40000000, false);
}
BENCHMARK(find_present)->Apply(flow_counts);
BENCHMARK(find_absent)->Apply(flow_counts);

// A flow begins and another ends, at a constant number of flows.
void replace(benchmark::State& state) {
    const auto flows = static_cast<std::uint32_t>(state.range(0));
    flow::FlowTable table(bench_hash, flows + block_frames, true);
    std::uint32_t next = 0;
    std::vector<std::uint32_t> cold(flows);
    const auto insert = [&table, &next] {
        const flow::FlowKey key = key_of(next++);
        flow::HotFlow* hot = table.insert(key, table.hash(key), nullptr);
        if (hot == nullptr) std::abort();
        return hot->cold;
    };
    for (auto& index : cold) index = insert();
    std::size_t oldest = 0;
    Meter meter(state);
    for (auto _ : state) {
        meter.measure(block_frames, [&] {
            for (std::size_t i = 0; i < block_frames; ++i) {
                table.erase(cold[oldest]);
                cold[oldest] = insert();
                oldest = oldest + 1 == cold.size() ? 0 : oldest + 1;
            }
        });
    }
    meter.report();
}
BENCHMARK(replace)->Apply(flow_counts);

}  // namespace
}  // namespace picket::bench

BENCHMARK_MAIN();
