// What reading captures costs a packet: opening (the pass over all headers), one cursor, and merges.
//
// The file lies in the page cache. 60-byte packets are the worst case: a new cache line for each header.
#include <benchmark/benchmark.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/rx/capture_file.h"
#include "dataplane/rx/capture_merge.h"

namespace {

using namespace picket::rx;

constexpr std::uint32_t packet_bytes = 60;
constexpr std::size_t burst_frames = 64;

void put32(std::vector<std::uint8_t>& out, std::uint32_t value) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&value);
    out.insert(out.end(), bytes, bytes + sizeof value);
}

// A file in memory, named through /proc.
class MemoryFile {
  public:
    explicit MemoryFile(const std::vector<std::uint8_t>& bytes) : fd_(memfd_create("bench", MFD_CLOEXEC)) {
        std::size_t done = 0;
        while (done < bytes.size()) {
            const ssize_t wrote = write(fd_, bytes.data() + done, bytes.size() - done);
            if (wrote <= 0) std::abort();
            done += static_cast<std::size_t>(wrote);
        }
    }
    ~MemoryFile() { close(fd_); }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;

    [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

  private:
    int fd_;
};

std::vector<std::uint8_t> pcap_of(std::uint32_t packets, std::uint32_t first) {
    std::vector<std::uint8_t> out;
    out.reserve(24 + std::size_t{packets} * (16 + packet_bytes));
    for (const std::uint32_t word : {0xa1b2c3d4U, 0x00040002U, 0U, 0U, 262144U, 1U}) put32(out, word);
    for (std::uint32_t i = 0; i < packets; ++i) {
        for (const std::uint32_t word : {first + i / 1000, i % 1000 * 1000, packet_bytes, packet_bytes})
            put32(out, word);
        out.resize(out.size() + packet_bytes, static_cast<std::uint8_t>(i));
    }
    return out;
}

std::vector<std::uint8_t> pcapng_of(std::uint32_t packets) {
    std::vector<std::uint8_t> out;
    out.reserve(48 + std::size_t{packets} * (32 + packet_bytes));
    for (const std::uint32_t word : {0x0a0d0d0aU, 28U, 0x1a2b3c4dU, 1U, ~0U, ~0U, 28U}) put32(out, word);
    for (const std::uint32_t word : {1U, 20U, 1U, 0U, 20U}) put32(out, word);
    for (std::uint32_t i = 0; i < packets; ++i) {
        for (const std::uint32_t word : {6U, 32 + packet_bytes, 0U, 0U, i, packet_bytes, packet_bytes})
            put32(out, word);
        out.resize(out.size() + packet_bytes, static_cast<std::uint8_t>(i));
        put32(out, 32 + packet_bytes);
    }
    return out;
}

void report(benchmark::State& state, std::uint64_t packets) {
    state.counters["per_packet"] = benchmark::Counter(
        static_cast<double>(packets), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
    state.counters["Mpps"] =
        benchmark::Counter(static_cast<double>(packets) * 1e-6, benchmark::Counter::kIsRate);
}

void open_file(benchmark::State& state, const std::vector<std::uint8_t>& bytes) {
    const MemoryFile file(bytes);
    std::uint64_t packets = 0;
    for (auto _ : state) packets += CaptureFile::open(file.path())->summary().packets;
    report(state, packets);
}

// Reads in bursts, asks once a burst what is still to come, and touches each packet, as a worker does.
void read_merged(benchmark::State& state, const std::vector<std::vector<std::uint8_t>>& files) {
    std::vector<MergeInput> inputs;
    for (const auto& bytes : files) inputs.push_back({CaptureFile::open(MemoryFile(bytes).path()), 0});
    std::uint64_t packets = 0;
    for (auto _ : state) {
        MergedCapture merged(inputs);
        std::array<Frame, burst_frames> burst;
        std::uint64_t touched = 0;
        while (const std::size_t count = merged.receive(burst)) {
            for (std::size_t i = 0; i < count; ++i) touched += burst[i].data[0];
            benchmark::DoNotOptimize(merged.future_min_time_ns());
            packets += count;
        }
        benchmark::DoNotOptimize(touched);
    }
    report(state, packets);
}

std::uint32_t packets_of(const benchmark::State& state) {
    return static_cast<std::uint32_t>(state.range(0));
}

void open_pcap(benchmark::State& state) {
    open_file(state, pcap_of(packets_of(state), 0));
}
void open_pcapng(benchmark::State& state) {
    open_file(state, pcapng_of(packets_of(state)));
}
void read_pcap(benchmark::State& state) {
    read_merged(state, {pcap_of(packets_of(state), 0)});
}
void read_pcapng(benchmark::State& state) {
    read_merged(state, {pcapng_of(packets_of(state))});
}
void read_two_pcaps(benchmark::State& state) {
    read_merged(state, {pcap_of(packets_of(state) / 2, 0), pcap_of(packets_of(state) / 2, 1)});
}

// 4,000 packets fit the second level cache, 100,000 the third, 2,000,000 (152 MB) none.
#define PICKET_SIZES Arg(4'000)->Arg(100'000)->Arg(2'000'000)
BENCHMARK(open_pcap)->PICKET_SIZES;
BENCHMARK(open_pcapng)->PICKET_SIZES;
BENCHMARK(read_pcap)->PICKET_SIZES;
BENCHMARK(read_pcapng)->PICKET_SIZES;
BENCHMARK(read_two_pcaps)->PICKET_SIZES;

}  // namespace

BENCHMARK_MAIN();
