// What it costs to find a packet's worker, and to hand a frame over to it.
//
// The ring is filled and emptied by one thread: this is the work of both sides without the traffic between
// two cores.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <vector>

#include "bench/traffic.h"
#include "dataplane/parse/parse_frame.h"
#include "dataplane/steer/mesh.h"
#include "dataplane/steer/owner.h"

namespace picket::bench {
namespace {

void owner(benchmark::State& state, const testing::PacketBuilder& like) {
    std::vector<testing::OwnedFrame> frames;
    std::vector<parse::Packet> packets(1024);
    for (auto& packet : packets) {
        frames.emplace_back(like.bytes());
        if (parse::parse_frame(frames.back().frame, {}, bench_hash, packet)) std::abort();
        packet.key.address_a = static_cast<std::uint32_t>(frames.size());
    }
    Meter meter(state);
    for (auto _ : state) {
        meter.measure(packets.size(), [&] {
            std::uint32_t sum = 0;
            for (const auto& packet : packets) sum += steer::owner_of(packet, 6);
            benchmark::DoNotOptimize(sum);
        });
    }
    meter.report();
}
BENCHMARK_CAPTURE(owner, ipv4, tcp_packet())->UseManualTime();
BENCHMARK_CAPTURE(owner, ipv6,
                  testing::PacketBuilder().ethernet().ipv6("2001:db8::1", "2001:db8::2").tcp(1024, 80))
    ->UseManualTime();

void mesh_ring(benchmark::State& state) {
    const FrameBlock block(std::vector<std::uint8_t>(static_cast<std::size_t>(state.range(0))), burst_frames);
    steer::MeshRing ring(1 << 20);
    std::uint64_t position = 0;
    Meter meter(state);
    for (auto _ : state) {
        meter.measure(block_frames, [&] {
            for (std::size_t burst = 0; burst < block_frames / burst_frames; ++burst) {
                for (const auto& frame : block.frames()) {
                    if (ring.push(frame) != steer::PushResult::pushed) std::abort();
                }
                rx::Frame taken;
                for (std::uint64_t next; (next = ring.peek(position, taken)) != position; position = next) {
                    benchmark::DoNotOptimize(taken.data[0]);
                }
                ring.release_until(position);
            }
        });
    }
    meter.report();
}
BENCHMARK(mesh_ring)->ArgName("bytes")->Arg(60)->Arg(512)->Arg(1514)->UseManualTime();

}  // namespace
}  // namespace picket::bench

BENCHMARK_MAIN();
