// What somebody gains who sends packets of flows that all collide under a linear hash: looking them up is
// compared with looking up as many flows of random keys, block by block in turns, so that both see the same
// machine. times_random is the ratio.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <memory>
#include <vector>

#include "bench/traffic.h"
#include "dataplane/flow/flow_table.h"
#include "dataplane/rx/rss.h"
#include "tests/support/crafted_keys.h"

namespace picket::bench {
namespace {

constexpr std::size_t batch_keys = 32;

// A table and blocks of lookups in it.
class Side {
  public:
    explicit Side(const std::vector<testing::KeyBytes>& keys) : table_(bench_hash, keys.size(), true) {
        for (const auto& bytes : keys) {
            keys_.push_back(testing::key_of(bytes));
            if (table_.insert(keys_.back(), table_.hash(keys_.back()), nullptr) == nullptr) std::abort();
        }
    }
    void draw(Random& random) {
        block_.resize(block_frames);
        for (auto& key : block_) key = keys_[random.below(static_cast<std::uint32_t>(keys_.size()))];
    }
    std::uint64_t look_up() noexcept {
        std::uint64_t found = 0;
        std::array<std::uint64_t, batch_keys> hashes;
        for (std::size_t at = 0; at < block_.size(); at += batch_keys) {
            for (std::size_t i = 0; i < batch_keys; ++i) hashes[i] = table_.hash(block_[at + i]);
            for (const std::uint64_t hash : hashes) table_.prefetch(hash);
            for (std::size_t i = 0; i < batch_keys; ++i) {
                found += table_.find(block_[at + i], hashes[i], nullptr) != nullptr ? 1 : 0;
            }
        }
        return found;
    }

  private:
    flow::FlowTable table_;
    std::vector<flow::FlowKey> keys_;
    std::vector<flow::FlowKey> block_;
};

double now_s() noexcept {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void compare(benchmark::State& state, const testing::LinearHash& linear) {
    const auto flows = static_cast<std::size_t>(state.range(0));
    Random random;
    std::vector<testing::KeyBytes> keys(flows);
    for (auto& key : keys) {
        for (auto& byte : key) byte = static_cast<std::uint8_t>(random() >> 56);
    }
    Side usual(keys);
    Side crafted(testing::colliding_keys(linear, flows));
    double usual_s = 0;
    double crafted_s = 0;
    std::uint64_t found = 0;
    Meter meter(state);
    for (auto _ : state) {
        usual.draw(random);
        const double begin = now_s();
        found += usual.look_up();
        usual_s += now_s() - begin;
        crafted.draw(random);
        const double middle = now_s();
        meter.measure(block_frames, [&] { found += crafted.look_up(); });
        crafted_s += now_s() - middle;
    }
    if (found != 2 * meter.packets()) state.SkipWithError("flows were not found");
    meter.report();
    state.counters["times_random"] = usual_s > 0 ? crafted_s / usual_s : 0;
}

void crafted_against_crc32(benchmark::State& state) {
    compare(state, [](const testing::KeyBytes& key) { return testing::crc32c(key); });
}
void crafted_against_toeplitz(benchmark::State& state) {
    compare(state, [](const testing::KeyBytes& key) { return rx::toeplitz_hash(key, rx::symmetric_key); });
}
BENCHMARK(crafted_against_crc32)->Apply(flow_counts);
BENCHMARK(crafted_against_toeplitz)->Apply(flow_counts);

}  // namespace
}  // namespace picket::bench

BENCHMARK_MAIN();
