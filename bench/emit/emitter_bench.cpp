// What it costs to write an event to the worker's ring. The ring is drained at once, as by a control plane
// that keeps up; its 4 MiB do not fit the second level cache, as in service.
#include <benchmark/benchmark.h>

#include <vector>

#include "bench/pipeline_rig.h"
#include "dataplane/emit/emitter.h"

namespace picket::bench {
namespace {

class RingRig {
  public:
    RingRig()
        : data_(ring_bytes / 8),
          emitter_(
              api::EventRingWriter(reinterpret_cast<std::byte*>(data_.data()), ring_bytes, written_, read_),
              {}) {}

    [[nodiscard]] emit::Emitter& emitter() noexcept { return emitter_; }
    void publish_and_drain() noexcept {
        emitter_.publish();
        read_.value = written_.value.load();
    }
    [[nodiscard]] bool lossless() const noexcept {
        api::WorkerCounters counters;
        emitter_.count_into(counters);
        for (const std::uint64_t dropped : counters.events_dropped) {
            if (dropped != 0) return false;
        }
        return true;
    }

  private:
    static constexpr std::size_t ring_bytes = std::size_t{4} << 20;

    std::vector<std::uint64_t> data_;
    api::RingPosition written_;
    api::RingPosition read_;
    emit::Emitter emitter_;
};

template <typename Write>
void write_events(benchmark::State& state, Write&& write) {
    RingRig rig;
    Meter meter(state);
    for (auto _ : state) {
        meter.measure(block_frames, [&] {
            for (std::size_t i = 0; i < block_frames; ++i) {
                write(rig.emitter(), i);
                if (i % burst_frames == burst_frames - 1) rig.publish_and_drain();
            }
        });
    }
    if (!rig.lossless()) state.SkipWithError("events were dropped");
    meter.report();
}

void flow_records(benchmark::State& state) {
    api::FlowRecord record;
    write_events(state, [&record](emit::Emitter& emitter, std::size_t i) {
        record.flow_id = i;
        emitter.flow(record, api::EventKind::flow, i);
    });
}
BENCHMARK(flow_records)->UseManualTime();

void requests(benchmark::State& state) {
    const api::EventEnds ends;
    emit::EventTexts texts;
    texts.method = "GET";
    texts.uri = "/images/2026/11/header-background.png?v=3";
    texts.host = "www.example.org";
    texts.user_agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
    texts.referer = "http://www.example.org/news/index.html";
    texts.version = "HTTP/1.1";
    write_events(state,
                 [&](emit::Emitter& emitter, std::size_t i) { emitter.request(ends, i, 0, 0, texts); });
}
BENCHMARK(requests)->UseManualTime();

}  // namespace
}  // namespace picket::bench

BENCHMARK_MAIN();
