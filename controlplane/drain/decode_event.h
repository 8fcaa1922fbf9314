// From bytes of a ring to a call of the sink, with every length checked before it is followed.
#pragma once

#include <cstddef>

#include "controlplane/drain/event_sink.h"

namespace picket::drain {

enum class DecodeResult : std::uint8_t {
    handled,
    flow,       // a FlowRecord of kind flow: the caller gathers these into batches
    malformed,  // kind or lengths make no sense; nothing was handed on
};

// event: the beginning of an event of at least sizeof(EventHeader) readable bytes; room: bytes up to the end
// of the ring's memory. Fixed parts are copied first, so that a writer that changes them meanwhile cannot
// make the lengths lie.
DecodeResult decode_event(const std::byte* event, std::size_t room, EventSink& sink);

}  // namespace picket::drain
