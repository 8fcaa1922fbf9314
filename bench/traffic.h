// What the benches share: frames of any number of flows, and how figures are reported.
//
// Packets are made in blocks outside of the measured time, because making one costs as much as a stage; a
// block fits the second level cache, as what a NIC has just written lies near the core. Header only; one
// thread.
#pragma once

#include <benchmark/benchmark.h>
#include <time.h>
#include <x86intrin.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "bench/random.h"
#include "dataplane/flow/flow_key.h"
#include "dataplane/rx/frame.h"
#include "tests/support/packet_builder.h"

namespace picket::bench {

inline constexpr std::size_t burst_frames = 64;
inline constexpr std::size_t block_frames = 64 * burst_frames;
inline constexpr std::uint64_t second_ns = 1'000'000'000;

inline const flow::KeyedHash bench_hash{
    {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb, 0x2545f4914f6cdd1d}};

// 1,000 flows fit the second level cache, 100,000 the third, 1,000,000 none. As a test, which only shows that
// the bench works, a million is left out: filling the tables would take longer than all the rest.
inline void flow_counts(benchmark::internal::Benchmark* bench) {
    bench->ArgName("flows")->Arg(1'000)->Arg(100'000);
    if (std::getenv("PICKET_BENCH_TINY") == nullptr) bench->Arg(1'000'000);
    bench->UseManualTime();
}

// Takes the time of measured stretches only, and says at the end what a packet cost.
//
// It is the thread's own time, so that a busy machine does not show up as slow code.
// REQUIRES: the bench was registered with UseManualTime().
class Meter {
  public:
    explicit Meter(benchmark::State& state) : state_(&state) {}

    // Runs work, which deals with so many packets, as the measured part of one iteration.
    template <typename Work>
    void measure(std::size_t packets, Work&& work) {
        const double begin = seconds_of(CLOCK_THREAD_CPUTIME_ID);
        std::forward<Work>(work)();
        const double taken = seconds_of(CLOCK_THREAD_CPUTIME_ID) - begin;
        state_->SetIterationTime(taken);
        seconds_ += taken;
        packets_ += packets;
    }

    // Time, cycles (of the TSC) and packets a second.
    void report() {
        const double tsc_hz =
            static_cast<double>(__rdtsc() - tsc_begin_) / (seconds_of(CLOCK_MONOTONIC) - begin_);
        const auto packets = static_cast<double>(packets_);
        state_->SetItemsProcessed(static_cast<std::int64_t>(packets_));
        state_->counters["per_packet"] =
            benchmark::Counter(packets, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
        state_->counters["cycles"] = packets_ == 0 ? 0 : seconds_ * tsc_hz / packets;
        state_->counters["Mpps"] = benchmark::Counter(packets * 1e-6, benchmark::Counter::kIsRate);
    }

    [[nodiscard]] std::uint64_t packets() const noexcept { return packets_; }

  private:
    static double seconds_of(clockid_t clock) noexcept {
        timespec now{};
        clock_gettime(clock, &now);
        return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
    }

    benchmark::State* state_;
    double begin_ = seconds_of(CLOCK_MONOTONIC);
    std::uint64_t tsc_begin_ = __rdtsc();
    double seconds_ = 0;
    std::uint64_t packets_ = 0;
};

// The smallest frame without its check sequence: 64 bytes on the wire.
inline std::vector<std::uint8_t> smallest_frame(std::vector<std::uint8_t> bytes) {
    if (bytes.size() < 60) bytes.resize(60);
    return bytes;
}

inline testing::PacketBuilder udp_packet() {
    return testing::PacketBuilder().ethernet().ipv4("10.0.0.0", "192.0.2.1").udp(1024, 53);
}
inline testing::PacketBuilder tcp_packet() {
    return testing::PacketBuilder().ethernet().ipv4("10.0.0.0", "192.0.2.1").tcp(1024, 80);
}

// Frames that differ in their flow only, whose number becomes the source's address and port.
// REQUIRES: templates of Ethernet and IPv4 without tags.
class FrameBlock {
  public:
    FrameBlock(const std::vector<std::uint8_t>& like, std::size_t frames)
        : FrameBlock(std::vector<std::vector<std::uint8_t>>{like}, frames) {}
    // Frame i is like the template i modulo their number.
    FrameBlock(const std::vector<std::vector<std::uint8_t>>& likes, std::size_t frames) : frames_(frames) {
        for (const auto& like : likes) stride_ = std::max(stride_, (like.size() + 63) / 64 * 64);
        bytes_.resize(stride_ * frames);
        for (std::size_t i = 0; i < frames; ++i) {
            const auto& like = likes[i % likes.size()];
            std::memcpy(at(i), like.data(), like.size());
            frames_[i].data = at(i);
            frames_[i].captured_length = static_cast<std::uint32_t>(like.size());
            frames_[i].wire_length = frames_[i].captured_length;
        }
    }
    FrameBlock(const FrameBlock&) = delete;
    FrameBlock& operator=(const FrameBlock&) = delete;

    void aim(std::size_t frame, std::uint32_t flow, std::uint64_t time_ns) noexcept {
        put32(frame, 26, 0x0a000000 | (flow & 0xffffff));
        const std::uint32_t port = 1024 + (flow >> 24);
        at(frame)[34] = static_cast<std::uint8_t>(port >> 8);
        at(frame)[35] = static_cast<std::uint8_t>(port);
        frames_[frame].time_ns = time_ns;
    }
    void set_tcp_sequence(std::size_t frame, std::uint32_t sequence) noexcept { put32(frame, 38, sequence); }

    [[nodiscard]] std::span<const rx::Frame> frames() const noexcept { return frames_; }
    [[nodiscard]] const rx::Frame& frame(std::size_t index) const noexcept { return frames_[index]; }

  private:
    [[nodiscard]] std::uint8_t* at(std::size_t frame) noexcept { return bytes_.data() + frame * stride_; }
    void put32(std::size_t frame, std::size_t offset, std::uint32_t value) noexcept {
        const std::uint32_t wire = __builtin_bswap32(value);
        std::memcpy(at(frame) + offset, &wire, sizeof wire);
    }

    std::size_t stride_ = 0;
    std::vector<std::uint8_t> bytes_;
    std::vector<rx::Frame> frames_;
};

}  // namespace picket::bench
