// Reads all rings of a data plane in turns, a batch each, and hands the events to the sink.
//
// Not thread-safe; the drain thread owns it. Read positions live in the control segment, so a new picketd
// goes on where the last one stopped.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "controlplane/drain/event_sink.h"
#include "controlplane/drain/segments.h"
#include "dataplane/api/event_ring.h"

namespace picket::drain {

class RingDrainer {
  public:
    RingDrainer(std::shared_ptr<Segments> segments, EventSink& sink);

    // One round over the rings; the number of events handled. 0: all were empty.
    std::size_t drain_round();

    [[nodiscard]] std::uint64_t malformed() const noexcept { return malformed_; }
    // Rings whose contents contradict themselves and are no longer read.
    [[nodiscard]] std::uint32_t broken_rings() const noexcept;

    static constexpr std::size_t events_a_round = 512;  // of one ring

  private:
    std::size_t drain_ring(api::EventRingReader& reader, const std::byte* ring_end);
    void hand_over_flows();

    std::shared_ptr<Segments> segments_;
    EventSink& sink_;
    std::vector<api::EventRingReader> readers_;
    std::vector<const api::FlowRecord*> flows_;
    std::uint64_t malformed_ = 0;
};

}  // namespace picket::drain
