// One worker's Pipeline over plain memory, whose events nobody reads: for benches of several stages.
//
// drain() gives the ring's space back, as the control plane does from another core. One thread.
#pragma once

#include <memory>
#include <vector>

#include "bench/traffic.h"
#include "dataplane/pipeline.h"

namespace picket::bench {

class PipelineRig {
  public:
    explicit PipelineRig(std::size_t flows)
        : data_(ring_bytes / 8),
          emitter_(
              api::EventRingWriter(reinterpret_cast<std::byte*>(data_.data()), ring_bytes, written_, read_),
              {}),
          pipeline_(settings_of(flows), bench_hash, emitter_, nullptr, area_) {}

    // The block through the pipeline in bursts, with what a worker does between them.
    void process(const FrameBlock& block) noexcept {
        for (std::size_t at = 0; at < block.frames().size(); at += burst_frames) process(block, at);
    }
    // The burst that begins at frame `at`.
    void process(const FrameBlock& block, std::size_t at) noexcept {
        const auto burst = block.frames().subspan(at, burst_frames);
        pipeline_.process(burst, Pipeline::Origin::queue);
        pipeline_.housekeep(burst.back().time_ns);
    }
    void drain() noexcept { read_.value = written_.value.load(); }

    [[nodiscard]] const api::WorkerCounters& counters() noexcept { return pipeline_.counters(); }
    [[nodiscard]] Pipeline& pipeline() noexcept { return pipeline_; }
    // Cycles of the TSC that a stage has taken so far.
    [[nodiscard]] std::uint64_t cycles(api::Stage stage) noexcept {
        return pipeline_.counters().cycles_stage[static_cast<std::size_t>(stage)];
    }
    // Whether every packet is in a flow, and every event was written: else the figures mean nothing.
    [[nodiscard]] bool lossless() noexcept {
        for (const std::uint64_t dropped : pipeline_.counters().events_dropped) {
            if (dropped != 0) return false;
        }
        const auto& audit = area_.ports[0];
        return audit.received == audit.in_flows;
    }

  private:
    static constexpr std::size_t ring_bytes = std::size_t{16} << 20;

    static PipelineSettings settings_of(std::size_t flows) {
        PipelineSettings settings;
        settings.flow.capacity = flows;
        return settings;
    }

    std::vector<std::uint64_t> data_;
    api::RingPosition written_;
    api::RingPosition read_;
    api::WorkerArea area_;
    emit::Emitter emitter_;
    Pipeline pipeline_;
};

// Where each connection's client is in its stream, so that its segments follow each other without gaps.
class Connections {
  public:
    explicit Connections(std::uint32_t flows) : next_(flows, 1) {}
    // The sequence number of the next segment, of so many bytes.
    std::uint32_t advance(std::uint32_t flow, std::uint32_t bytes) noexcept {
        const std::uint32_t at = next_[flow];
        next_[flow] += bytes;
        return at;
    }

  private:
    std::vector<std::uint32_t> next_;
};

// A request as browsers make them: 432 bytes.
inline constexpr std::string_view browser_request =
    "GET /images/2026/11/header-background.png?v=3 HTTP/1.1\r\n"
    "Host: www.example.org\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate\r\n"
    "Connection: keep-alive\r\n"
    "Referer: http://www.example.org/news/index.html\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef\r\n\r\n";

}  // namespace picket::bench
