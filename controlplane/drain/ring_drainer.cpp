#include "controlplane/drain/ring_drainer.h"

#include <algorithm>

#include "controlplane/drain/decode_event.h"

namespace picket::drain {

RingDrainer::RingDrainer(std::shared_ptr<Segments> segments, EventSink& sink)
    : segments_(std::move(segments)), sink_(sink) {
    flows_.reserve(events_a_round);
    for (std::uint32_t i = 0; i < segments_->ring_count(); ++i) {
        readers_.emplace_back(segments_->ring(i), segments_->layout().ring_size,
                              segments_->evidence().ring_written[i], segments_->control().ring_read[i]);
    }
}

std::size_t RingDrainer::drain_round() {
    api::ClockMap clock;
    if (segments_->evidence().clock.read(clock)) sink_.set_clock(clock.utc_minus_packet_ns);
    std::size_t events = 0;
    for (std::uint32_t i = 0; i < readers_.size(); ++i) {
        events += drain_ring(readers_[i], segments_->ring(i) + segments_->layout().ring_size);
    }
    return events;
}

namespace {

// PERF: records are read a batch later. Fetched as they are met, their misses overlap: 2.13 instead of 2.33 s
// for a replay with 900,000 flows, both planes together.
void prefetch_record(const std::byte* record) noexcept {
    constexpr std::size_t line = 64;
    for (std::size_t at = line; at < sizeof(api::FlowRecord); at += line) __builtin_prefetch(record + at);
}

}  // namespace

std::size_t RingDrainer::drain_ring(api::EventRingReader& reader, const std::byte* ring_end) {
    std::size_t events = 0;
    while (events < events_a_round) {
        const api::EventHeader* header = reader.next();
        if (header == nullptr) break;
        ++events;
        const auto* bytes = reinterpret_cast<const std::byte*>(header);
        const auto room = static_cast<std::size_t>(ring_end - bytes);
        // Flows may wait for the others of the batch, but not past a note that says 'that was all'.
        if (header->kind == api::EventKind::walk_done || header->kind == api::EventKind::input_done) {
            hand_over_flows();
        }
        switch (decode_event(bytes, room, sink_)) {
            case DecodeResult::flow:
                prefetch_record(bytes);
                flows_.push_back(reinterpret_cast<const api::FlowRecord*>(bytes));
                break;
            case DecodeResult::malformed:
                ++malformed_;
                break;
            case DecodeResult::handled:
                break;
        }
    }
    if (events == 0) return 0;
    hand_over_flows();
    reader.release();
    return events;
}

void RingDrainer::hand_over_flows() {
    if (flows_.empty()) return;
    sink_.on_flows(flows_);
    flows_.clear();
}

std::uint32_t RingDrainer::broken_rings() const noexcept {
    return static_cast<std::uint32_t>(
        std::count_if(readers_.begin(), readers_.end(), [](const auto& reader) { return reader.broken(); }));
}

}  // namespace picket::drain
