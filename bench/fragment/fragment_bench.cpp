// Putting IPv4 datagrams together: Picket's fragment stage beside DPDK's rte_ip_frag, on the same fragments.
//
// Fragments of many datagrams come mixed, in order within each. Ours ends with the payload in one piece, as
// rules see it; DPDK's ends with a chain of buffers, which rte_ip_frag_copied makes one piece of as well.
// Counters: ns/fragment is time of the stage alone: frames are made, and buffers filled, outside of it.
#include <benchmark/benchmark.h>
#include <rte_eal.h>
#include <rte_ip_frag.h>
#include <rte_mbuf.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "bench/traffic.h"
#include "dataplane/fragment/fragment_stage.h"
#include "dataplane/parse/parse_frame.h"

namespace picket::bench {
namespace {

constexpr std::size_t datagrams = 256;
constexpr std::size_t fragment_bytes = 1400;  // a multiple of 8
constexpr std::size_t ethernet_bytes = 14;
constexpr std::size_t ip_bytes = 20;
constexpr std::size_t frame_bytes = ethernet_bytes + ip_bytes + fragment_bytes;
constexpr std::uint64_t second_ns = 1'000'000'000;

using Frame = std::array<std::uint8_t, frame_bytes>;

void put_16(std::uint8_t* to, std::size_t value) {
    to[0] = static_cast<std::uint8_t>(value >> 8);
    to[1] = static_cast<std::uint8_t>(value);
}

// One fragment of a UDP datagram.
Frame make_frame(std::uint32_t datagram, std::size_t number, std::size_t count) {
    Frame frame{};
    put_16(frame.data() + 12, 0x0800);
    std::uint8_t* ip = frame.data() + ethernet_bytes;
    ip[0] = 0x45;
    put_16(ip + 2, ip_bytes + fragment_bytes);
    put_16(ip + 4, datagram & 0xffff);
    put_16(ip + 6, number * fragment_bytes / 8 | (number + 1 < count ? 0x2000 : 0));
    ip[8] = 64;
    ip[9] = 17;
    const std::array<std::uint8_t, 8> ends{10, static_cast<std::uint8_t>(datagram >> 16), 0, 1, 192, 0, 2, 7};
    std::memcpy(ip + 12, ends.data(), ends.size());
    if (number == 0) {
        put_16(ip + ip_bytes, 5000);
        put_16(ip + ip_bytes + 2, 53);
        put_16(ip + ip_bytes + 4, count * fragment_bytes);
    }
    return frame;
}

// Fragments of all datagrams, mixed; `first` numbers the datagrams, so that no two are alike.
std::vector<Frame> make_frames(std::uint32_t first, std::size_t count) {
    std::vector<Frame> frames;
    for (std::size_t number = 0; number < count; ++number) {
        for (std::uint32_t i = 0; i < datagrams; ++i) frames.push_back(make_frame(first + i, number, count));
    }
    return frames;
}

void report(benchmark::State& state, Meter& meter, std::uint64_t whole) {
    if (whole != state.iterations() * datagrams) state.SkipWithError("not every datagram was put together");
    meter.report();
}

class Sink final : public fragment::FragmentSink {
  public:
    explicit Sink(std::size_t payload_bytes) : payload_bytes_(payload_bytes) {}
    void pass(const parse::Packet& packet) noexcept override {
        if (packet.payload_captured == payload_bytes_) ++whole;
    }
    void hold(const parse::Packet&) noexcept override {}
    void release(const parse::Packet&) noexcept override {}
    void tell_late(const parse::Packet&) noexcept override {}
    void flush() noexcept override {}

    std::uint64_t whole = 0;

  private:
    std::size_t payload_bytes_;
};

void fragment_stage(benchmark::State& state) {
    const auto count = static_cast<std::size_t>(state.range(0));
    const flow::KeyedHash hash(
        {0x0123456789abcdef, 0xfedcba9876543210, 0x5555555555555555, 0xaaaaaaaaaaaaaaaa});
    Sink sink(count * fragment_bytes - 8);
    fragment::FragmentStage stage({}, bench_hash, sink);
    std::uint32_t first = 0;
    std::uint64_t now_ns = second_ns;
    Meter meter(state);
    for (auto _ : state) {
        const auto frames = make_frames(first, count);
        meter.measure(frames.size(), [&] {
            for (const Frame& bytes : frames) {
                rx::Frame frame;
                frame.data = bytes.data();
                frame.captured_length = frame.wire_length = frame_bytes;
                frame.time_ns = now_ns;
                parse::Packet packet;
                if (parse::parse_frame(frame, {}, bench_hash, packet)) std::abort();
                packet.hash = bench_hash(packet.key);
                stage.take(packet);
                stage.end_burst();
            }
        });
        first += datagrams;
        now_ns += 2 * fragment::remembered_ns;
        stage.forget(now_ns);
    }
    report(state, meter, sink.whole);
}

struct PoolFree {
    void operator()(rte_mempool* pool) const noexcept { rte_mempool_free(pool); }
};
struct TableFree {
    void operator()(rte_ip_frag_tbl* table) const noexcept { rte_ip_frag_table_destroy(table); }
};

void fill(rte_mbuf& buffer, const Frame& frame) {
    std::memcpy(rte_pktmbuf_append(&buffer, frame_bytes), frame.data(), frame_bytes);
    buffer.l2_len = ethernet_bytes;
    buffer.l3_len = ip_bytes;
}

void run_rte(benchmark::State& state, bool copied) {
    const auto count = static_cast<std::size_t>(state.range(0));
    const std::unique_ptr<rte_mempool, PoolFree> pool(
        rte_pktmbuf_pool_create("fragments", 8191, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0));
    const std::unique_ptr<rte_ip_frag_tbl, TableFree> table(
        rte_ip_frag_table_create(1024, 4, 4096, rte_get_tsc_hz() * 30, 0));
    if (!pool || !table) {
        state.SkipWithError("DPDK has not enough memory");
        return;
    }
    static rte_ip_frag_death_row dead;
    std::vector<char> room(count * fragment_bytes);
    std::vector<rte_mbuf*> buffers(datagrams * count);
    std::vector<rte_mbuf*> done;
    std::uint32_t first = 0;
    std::uint64_t whole = 0;
    Meter meter(state);
    for (auto _ : state) {
        const auto frames = make_frames(first, count);
        if (rte_pktmbuf_alloc_bulk(pool.get(), buffers.data(), static_cast<unsigned>(buffers.size())) != 0)
            std::abort();
        for (std::size_t i = 0; i < frames.size(); ++i) fill(*buffers[i], frames[i]);
        done.clear();
        meter.measure(frames.size(), [&] {
            const std::uint64_t now = rte_rdtsc();
            for (rte_mbuf* buffer : buffers) {
                auto* header = rte_pktmbuf_mtod_offset(buffer, rte_ipv4_hdr*, ethernet_bytes);
                rte_mbuf* one = rte_ipv4_frag_reassemble_packet(table.get(), &dead, buffer, now, header);
                if (one == nullptr) continue;
                if (copied) {
                    const auto* bytes = rte_pktmbuf_read(
                        one, ethernet_bytes + ip_bytes, static_cast<std::uint32_t>(room.size()), room.data());
                    benchmark::DoNotOptimize(bytes);
                }
                done.push_back(one);
            }
        });
        rte_ip_frag_free_death_row(&dead, 3);
        whole += done.size();
        for (rte_mbuf* one : done) rte_pktmbuf_free(one);
        first += datagrams;
    }
    report(state, meter, whole);
}

void rte_ip_frag(benchmark::State& state) {
    run_rte(state, false);
}
void rte_ip_frag_copied(benchmark::State& state) {
    run_rte(state, true);
}

// DPDK takes eight fragments a datagram at most.
BENCHMARK(fragment_stage)->UseManualTime()->Arg(2)->Arg(4)->Arg(8);
BENCHMARK(rte_ip_frag)->UseManualTime()->Arg(2)->Arg(4)->Arg(8);
BENCHMARK(rte_ip_frag_copied)->UseManualTime()->Arg(2)->Arg(4)->Arg(8);

}  // namespace
}  // namespace picket::bench

int main(int argc, char** argv) {
    std::vector<std::string> words{argv[0],          "--no-shconf", "--no-pci",
                                   "--no-telemetry", "--log-level", "error"};
    words.insert(words.end(), {"-l", "0", "--no-huge", "-m", "256"});
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    if (rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) < 0) {
        std::fputs("bench_fragment: DPDK cannot start: free 256 MiB of memory\n", stderr);
        return 1;
    }
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
