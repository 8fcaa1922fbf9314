// How long a worker pauses when the rules change under full load.
//
// A worker on one core takes bursts of web traffic through its pipeline, as fast as it can; a second core
// does what housekeeping does. By turns:
//
//   quiet    nothing
//   compute  rule sets are loaded and freed ten times a second, but none is handed over: what the second core
//            takes from the first (caches, memory, hyperthreads)
//   reload   the same, and each set is handed over and adopted
//
// A burst that takes long is a pause: while it goes on nothing is received. Those in which the kernel gave
// the core to another thread are counted apart, since a worker has its core to itself. Printed are the
// quantiles of all other bursts, how many were longer than 100 µs, and the longest of the burst that adopts
// and the 256 after it (in quiet and compute: of as many at the same pace). Fails if a packet or an event was
// lost, or a set was not adopted.
//
// usage: bench_reload [SECONDS [RULES]]: of each turn, five turns each; rules as in bench_rule_load.
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/pipeline_rig.h"
#include "bench/rules/rule_texts.h"
#include "bench/rules/rule_variants.h"
#include "bench/tool/request_texts.h"
#include "bench/tool/tsc_clock.h"
#include "controlplane/rules/rule_compiler.h"
#include "controlplane/rules/rule_parser.h"
#include "dataplane/housekeeping/rule_loader.h"

namespace picket::bench {
namespace {

using Blob = std::vector<std::byte>;

enum class Turn : std::uint8_t { quiet, compute, reload };
constexpr std::array turn_names{"quiet", "compute", "reload"};
constexpr std::chrono::milliseconds reload_interval{100};
constexpr std::size_t bursts_after = 256;
constexpr double pause_us = 100;
constexpr double preempted_us_min = 30;  // shorter bursts are not asked whether they were

// Sixteen steps an octave: within 5 %.
class Durations {
  public:
    void add(std::uint64_t cycles) noexcept {
        const auto step = static_cast<std::size_t>(16 * std::log2(static_cast<double>(cycles) + 1));
        ++counts_[std::min(step, counts_.size() - 1)];
        ++all_;
        max_ = std::max(max_, cycles);
    }
    [[nodiscard]] double quantile(double share) const {
        const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(all_));
        std::uint64_t seen = 0;
        for (std::size_t step = 0; step < counts_.size(); ++step) {
            seen += counts_[step];
            if (seen > wanted) return std::exp2(static_cast<double>(step + 1) / 16);
        }
        return static_cast<double>(max_);
    }
    [[nodiscard]] std::uint64_t all() const { return all_; }
    [[nodiscard]] std::uint64_t max() const { return max_; }

  private:
    std::array<std::uint64_t, 1024> counts_{};
    std::uint64_t all_ = 0;
    std::uint64_t max_ = 0;
};

struct Result {
    Durations bursts;
    std::uint64_t long_bursts = 0;
    std::uint64_t preempted = 0;  // in none of the other figures
    std::vector<double> after;    // µs: the longest burst of each stretch that follows an adoption
};

// How often the kernel has taken the core from this thread.
std::int64_t preemptions() noexcept {
    rusage usage{};
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nivcsw;
}

void pin(unsigned core) {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(core % std::max(1u, std::thread::hardware_concurrency()), &cores);
    pthread_setaffinity_np(pthread_self(), sizeof cores, &cores);
}

// The worker's thread: traffic, and a stopwatch around every burst.
class Load {
  public:
    Load(PipelineRig& rig, const RequestTexts& texts, const TscClock& clock)
        : rig_(rig), clock_(clock), block_(likes(texts, lengths_), block_frames), streams_(flows) {}

    void run(std::atomic<bool>& stop, std::atomic<std::uint32_t>& marks, Result& result) {
        std::uint32_t marked = marks.load();
        std::size_t following = 0;
        double longest = 0;
        while (!stop.load(std::memory_order_relaxed)) {
            for (std::uint32_t i = 0; i < block_frames; ++i) aim(i);
            std::int64_t preempted = preemptions();
            for (std::size_t at = 0; at < block_frames; at += burst_frames) {
                const std::uint64_t begin = __rdtsc();
                rig_.process(block_, at);
                const std::uint64_t cycles = __rdtsc() - begin;
                const double us = clock_.ns(static_cast<double>(cycles)) / 1000;
                if (us > preempted_us_min) {
                    const std::int64_t now = preemptions();
                    if (std::exchange(preempted, now) != now) {
                        ++result.preempted;
                        continue;
                    }
                }
                result.bursts.add(cycles);
                result.long_bursts += us > pause_us ? 1 : 0;
                if (const std::uint32_t now = mark_of(marks); now != marked) {
                    marked = now;
                    following = bursts_after;
                    longest = 0;
                }
                if (following == 0) continue;
                longest = std::max(longest, us);
                if (--following == 0) result.after.push_back(longest);
            }
            rig_.drain();
        }
    }

    // True: a stretch follows each adoption; false: each mark.
    void follow_generations(bool follow) { by_generation_ = follow; }

  private:
    static constexpr std::uint32_t flows = 100'000;
    static constexpr std::size_t request_every = 10;

    // Every tenth frame is a request, each with another URI.
    static std::vector<std::vector<std::uint8_t>> likes(const RequestTexts& texts,
                                                        std::vector<std::uint32_t>& lengths) {
        std::vector<std::vector<std::uint8_t>> frames(block_frames, smallest_frame(tcp_packet().bytes()));
        lengths.assign(block_frames, 0);
        for (std::size_t i = 0; i < block_frames; i += request_every) {
            const std::string& head = texts.heads[i / request_every % texts.heads.size()];
            frames[i] = tcp_packet().payload(head).bytes();
            lengths[i] = static_cast<std::uint32_t>(head.size());
        }
        return frames;
    }

    void aim(std::uint32_t i) noexcept {
        const auto flow = static_cast<std::uint32_t>(random_.below(flows));
        block_.aim(i, flow, time_ns_ += 67);
        block_.set_tcp_sequence(i, streams_.advance(flow, lengths_[i]));
    }

    [[nodiscard]] std::uint32_t mark_of(const std::atomic<std::uint32_t>& marks) noexcept {
        return by_generation_ ? static_cast<std::uint32_t>(rig_.counters().rules_generation)
                              : marks.load(std::memory_order_relaxed);
    }

    PipelineRig& rig_;
    const TscClock& clock_;
    std::vector<std::uint32_t> lengths_;
    FrameBlock block_;
    Connections streams_;
    Random random_;
    std::uint64_t time_ns_ = second_ns;
    bool by_generation_ = false;
};

// The second core's part of a turn.
class Housekeeping {
  public:
    Housekeeping(PipelineRig& rig, std::array<Blob, 2> blobs)
        : rig_(rig), loader_({&rig.pipeline()}), blobs_(std::move(blobs)) {}

    void load_first() { load(); }

    void run(Turn turn, double seconds, std::atomic<std::uint32_t>& marks) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
        for (auto next = std::chrono::steady_clock::now(); next < end; next += reload_interval) {
            if (turn == Turn::compute) compute();
            if (turn == Turn::reload) load();
            marks.fetch_add(1);
            while (std::chrono::steady_clock::now() < next + reload_interval) {
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
                loader_.collect();
            }
        }
    }
    // When the worker has left: what was handed over last is adopted now, if it was not.
    void settle() {
        loader_.collect();
        rig_.pipeline().housekeep(rig_.counters().packet_ns);
    }
    [[nodiscard]] std::uint32_t generation() const { return generation_; }

  private:
    void load() {
        std::string error;
        ++generation_;
        if (!loader_.load(blobs_[generation_ % 2], generation_, error)) throw std::runtime_error(error);
    }
    void compute() {
        std::string error;
        const auto set = match::RuleSet::load(blobs_[0], 1, error);
        const auto matcher = set ? match::Matcher::create(set, error) : nullptr;
        if (!matcher) throw std::runtime_error(error);
    }

    PipelineRig& rig_;
    housekeeping::RuleLoader loader_;
    std::array<Blob, 2> blobs_;
    std::uint32_t generation_ = 0;
};

double sorted_quantile(std::vector<double> values, double share) {
    if (values.empty()) return 0;
    std::ranges::sort(values);
    return values[std::min(values.size() - 1,
                           static_cast<std::size_t>(share * static_cast<double>(values.size())))];
}

void print(const char* name, const Result& result, const TscClock& clock) {
    const auto us = [&](double cycles) { return clock.ns(cycles) / 1000; };
    const auto count = [](std::uint64_t number) { return static_cast<unsigned long long>(number); };
    std::printf("%-8s %9llu bursts   p50 %5.1f   p99 %5.1f   p99.9 %6.1f   p99.99 %7.1f   max %8.1f µs   ",
                name, count(result.bursts.all()), us(result.bursts.quantile(0.5)),
                us(result.bursts.quantile(0.99)), us(result.bursts.quantile(0.999)),
                us(result.bursts.quantile(0.9999)), us(static_cast<double>(result.bursts.max())));
    std::printf("over %.0f µs: %llu   preempted: %llu\n", pause_us, count(result.long_bursts),
                count(result.preempted));
    std::printf("%-8s longest of %zu bursts, %zu times: median %6.1f   p90 %6.1f   max %8.1f µs\n", "",
                bursts_after, result.after.size(), sorted_quantile(result.after, 0.5),
                sorted_quantile(result.after, 0.9), sorted_quantile(result.after, 1));
}

std::array<Blob, 2> compile_two(std::size_t rules_min) {
    const std::string text = make_variants(rule_texts(), rules_min);
    auto parsed = rules::parse_rules(text, "all", {});
    Blob all = rules::compile_rules(parsed.rules, {}).blob;
    std::printf("%zu rules, %.1f MiB\n", parsed.rules.size(), static_cast<double>(all.size()) / (1 << 20));
    parsed.rules.erase(parsed.rules.begin());
    return {std::move(all), rules::compile_rules(parsed.rules, {}).blob};
}

int run(double seconds, std::size_t rules_min) {
    constexpr int rounds = 5;
    const TscClock clock;
    PipelineRig rig(200'000);
    Housekeeping housekeeping(rig, compile_two(rules_min));
    const RequestTexts texts = request_texts(built_in_uris(1000));
    Load load(rig, texts, clock);
    housekeeping.load_first();
    std::array<Result, 3> results;
    pin(1);
    for (int round = 0; round < rounds; ++round) {
        for (const Turn turn : {Turn::quiet, Turn::compute, Turn::reload}) {
            std::atomic<bool> stop{false};
            std::atomic<std::uint32_t> marks{0};
            load.follow_generations(turn == Turn::reload);
            std::thread worker([&] {
                pin(0);
                load.run(stop, marks, results[static_cast<std::size_t>(turn)]);
            });
            housekeeping.run(turn, seconds, marks);
            stop = true;
            worker.join();
            housekeeping.settle();
        }
    }
    for (const Turn turn : {Turn::quiet, Turn::compute, Turn::reload}) {
        print(turn_names[static_cast<std::size_t>(turn)], results[static_cast<std::size_t>(turn)], clock);
    }
    if (!rig.lossless()) throw std::runtime_error("packets or events were lost");
    if (rig.counters().rules_generation != housekeeping.generation()) {
        throw std::runtime_error("the last rule set was not adopted");
    }
    return 0;
}

}  // namespace
}  // namespace picket::bench

int main(int argc, char** argv) {
    const bool tiny = std::getenv("PICKET_BENCH_TINY") != nullptr;
    try {
        return picket::bench::run(argc > 1 ? std::stod(argv[1])
                                  : tiny   ? 0.2
                                           : 4,
                                  argc > 2 ? std::stoul(argv[2]) : 1);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_reload: %s\n", error.what());
        return 1;
    }
}
