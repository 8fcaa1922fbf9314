// What parsing and hashing a frame costs, by kind of frame. The frames lie in the second level cache.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <vector>

#include "bench/traffic.h"
#include "dataplane/parse/parse_frame.h"

namespace picket::bench {
namespace {

using testing::PacketBuilder;

PacketBuilder udp_ipv4() {
    return udp_packet().payload("0123456789abcdef");
}
PacketBuilder tagged() {
    return PacketBuilder().ethernet().vlan(7).ipv4("10.0.0.1", "192.0.2.1").tcp(1024, 80);
}
PacketBuilder twice_tagged() {
    return PacketBuilder().ethernet().vlan(7, 0x88a8).vlan(8).ipv4("10.0.0.1", "192.0.2.1").tcp(1024, 80);
}
PacketBuilder tcp_ipv6() {
    return PacketBuilder().ethernet().ipv6("2001:db8::1", "2001:db8::2").tcp(1024, 80);
}
PacketBuilder extended_ipv6() {
    return PacketBuilder()
        .ethernet()
        .ipv6("2001:db8::1", "2001:db8::2")
        .extension(0)
        .extension(60)
        .udp(1024, 53);
}

// The kinds take turns, so that the branch predictor has something to learn.
void parse(benchmark::State& state, const std::vector<PacketBuilder>& kinds) {
    std::vector<testing::OwnedFrame> frames;
    for (std::size_t i = 0; i < 1024; ++i) {
        frames.emplace_back(smallest_frame(kinds[i % kinds.size()].bytes()));
    }
    std::vector<parse::Packet> packets(burst_frames);
    const parse::ParseSettings settings;
    Meter meter(state);
    std::size_t at = 0;
    for (auto _ : state) {
        meter.measure(frames.size(), [&] {
            for (const auto& owned : frames) {
                parse::Packet& packet = packets[at++ % burst_frames];
                packet = parse::Packet{};
                if (parse::parse_frame(owned.frame, settings, bench_hash, packet)) std::abort();
                packet.hash = bench_hash(packet.key);
                benchmark::DoNotOptimize(packet);
            }
        });
    }
    meter.report();
}

BENCHMARK_CAPTURE(parse, udp_ipv4, {udp_ipv4()})->UseManualTime();
BENCHMARK_CAPTURE(parse, tcp_ipv4, {tcp_packet()})->UseManualTime();
BENCHMARK_CAPTURE(parse, vlan, {tagged()})->UseManualTime();
BENCHMARK_CAPTURE(parse, qinq, {twice_tagged()})->UseManualTime();
BENCHMARK_CAPTURE(parse, tcp_ipv6, {tcp_ipv6()})->UseManualTime();
BENCHMARK_CAPTURE(parse, ipv6_extensions, {extended_ipv6()})->UseManualTime();
BENCHMARK_CAPTURE(parse, mix,
                  {udp_ipv4(), tcp_packet(), tagged(), tcp_ipv6(), twice_tagged(), extended_ipv6()})
    ->UseManualTime();

}  // namespace
}  // namespace picket::bench

BENCHMARK_MAIN();
