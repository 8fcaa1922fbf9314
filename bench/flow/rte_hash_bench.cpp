// The baseline: the same lookups as find_present of flow_table_bench.cpp in DPDK's rte_hash, in bulk as its
// users call it, the found flow's line touched as ours is. Keys are the same 16 bytes; its hash is CRC32,
// which a sender can aim at one bucket, as Picket's own may not be.
#include <benchmark/benchmark.h>
#include <rte_eal.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "bench/flow/flow_keys.h"
#include "bench/traffic.h"
#include "dataplane/flow/flow_entry.h"
#include "dataplane/flow/page_mapping.h"

namespace picket::bench {
namespace {

struct HashFree {
    void operator()(rte_hash* hash) const noexcept { rte_hash_free(hash); }
};

std::unique_ptr<rte_hash, HashFree> make_hash(std::uint32_t flows) {
    rte_hash_parameters parameters{};
    parameters.name = "baseline";
    parameters.entries = flows + flows / 4;
    parameters.key_len = sizeof(flow::FlowKey);
    parameters.hash_func = rte_hash_crc;
    parameters.socket_id = 0;
    return std::unique_ptr<rte_hash, HashFree>(rte_hash_create(&parameters));
}

void rte_hash_present(benchmark::State& state) {
    const auto flows = static_cast<std::uint32_t>(state.range(0));
    const auto hash = make_hash(flows);
    if (hash == nullptr) {
        state.SkipWithError("rte_hash cannot be made: give DPDK more memory (vm.nr_hugepages)");
        return;
    }
    std::vector<std::int32_t> positions(flows);
    std::int32_t position_max = 0;
    for (std::uint32_t i = 0; i < flows; ++i) {
        const flow::FlowKey key = key_of(i);
        const std::int32_t position = rte_hash_add_key(hash.get(), &key);
        if (position < 0) std::abort();
        position_max = std::max(position_max, position);
    }
    flow::PageMapping memory((static_cast<std::size_t>(position_max) + 1) * sizeof(flow::HotFlow));
    auto* entries = reinterpret_cast<flow::HotFlow*>(memory.data());
    Random random;
    std::vector<flow::FlowKey> keys(block_frames);
    std::uint64_t hits = 0;
    Meter meter(state);
    for (auto _ : state) {
        for (auto& key : keys) key = key_of(random.below(flows));
        meter.measure(keys.size(), [&] {
            std::array<const void*, batch_keys> wanted;
            std::array<std::int32_t, batch_keys> found;
            for (std::size_t at = 0; at < keys.size(); at += batch_keys) {
                for (std::size_t i = 0; i < batch_keys; ++i) wanted[i] = &keys[at + i];
                rte_hash_lookup_bulk(hash.get(), wanted.data(), batch_keys, found.data());
                for (const std::int32_t position : found) {
                    if (position >= 0) __builtin_prefetch(&entries[position], 1);
                }
                for (const std::int32_t position : found) {
                    if (position >= 0) hits += ++entries[position].packets[0] != 0 ? 1 : 0;
                }
            }
        });
    }
    if (hits != meter.packets()) state.SkipWithError("lookups did not find what they should");
    meter.report();
}
BENCHMARK(rte_hash_present)->Apply(flow_counts);

// Without hugepages DPDK takes ordinary pages of a size that is fixed at its start.
bool start_eal() {
    const bool tiny = std::getenv("PICKET_BENCH_TINY") != nullptr;
    std::vector<std::string> words{"rte_hash_bench", "--no-shconf", "--no-pci",
                                   "--no-telemetry", "--log-level", "error"};
    words.insert(words.end(), {"-l", "0", "--no-huge", "-m", tiny ? "64" : "2048"});
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    return rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) >= 0;
}

}  // namespace
}  // namespace picket::bench

int main(int count, char** arguments) {
    if (!picket::bench::start_eal()) {
        std::fputs("rte_hash_bench: DPDK cannot start: free 2 GiB of memory\n", stderr);
        return 1;
    }
    benchmark::Initialize(&count, arguments);
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
