// Looking up an address in watch lists: the index, beside a search by halves in the same ranges.
//
// usage: bench_watch [Google Benchmark's options]; the argument of each is the number of entries.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "controlplane/rules/watch_list.h"
#include "dataplane/match/watch_index.h"

namespace picket {
namespace {

constexpr std::size_t addresses = 1 << 16;

api::Address ipv4(std::uint32_t number) {
    const std::array<std::uint8_t, 4> bytes{
        static_cast<std::uint8_t>(number >> 24), static_cast<std::uint8_t>(number >> 16),
        static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)};
    return api::ipv4_mapped(bytes.data());
}

// Nine hosts for each network of 16.
const std::vector<api::WatchRange>& ranges_of(std::size_t entries) {
    static std::map<std::size_t, std::vector<api::WatchRange>> made;
    auto& ranges = made[entries];
    if (!ranges.empty()) return ranges;
    std::mt19937 random(3);
    rules::WatchListSource list;
    for (std::size_t i = 0; i < entries; ++i) {
        const auto first = static_cast<std::uint32_t>(random());
        const bool network = i % 10 == 0;
        list.ranges.push_back({ipv4(network ? first & ~15u : first), ipv4(network ? first | 15u : first)});
    }
    return ranges = rules::merge_watch_lists({list});
}

std::vector<api::Address> random_addresses() {
    std::mt19937 random(4);
    std::vector<api::Address> made;
    for (std::size_t i = 0; i < addresses; ++i) made.push_back(ipv4(static_cast<std::uint32_t>(random())));
    return made;
}

template <typename Lookup>
void run(benchmark::State& state, Lookup&& lookup) {
    const auto asked = random_addresses();
    std::size_t at = 0;
    std::uint64_t found = 0;
    for (auto _ : state) {
        // What is asked next depends on the answer: one look-up after the other, as for new flows.
        const std::uint64_t lists = lookup(asked[at]);
        found += lists;
        at = (at + 1 + (lists & 1)) & (addresses - 1);
    }
    benchmark::DoNotOptimize(found);
}

void index(benchmark::State& state) {
    const match::WatchIndex index(ranges_of(static_cast<std::size_t>(state.range(0))));
    run(state, [&](const api::Address& address) { return index.lookup(address); });
}

void by_halves(benchmark::State& state) {
    const auto& ranges = ranges_of(static_cast<std::size_t>(state.range(0)));
    run(state, [&](const api::Address& address) {
        const auto after = std::upper_bound(
            ranges.begin(), ranges.end(), address,
            [](const api::Address& key, const api::WatchRange& range) { return key < range.first; });
        return after == ranges.begin() || std::prev(after)->last < address ? 0 : std::prev(after)->lists;
    });
}

BENCHMARK(index)->Arg(1'000)->Arg(100'000)->Arg(5'000'000);
BENCHMARK(by_halves)->Arg(1'000)->Arg(100'000)->Arg(5'000'000);

}  // namespace
}  // namespace picket

BENCHMARK_MAIN();
