// From a flow's state to the record that leaves the worker.
#pragma once

#include "dataplane/api/events.h"
#include "dataplane/flow/flow_entry.h"

namespace picket::flow {

// Fills everything but the header, end_reason, final and walk_id. The initiator's direction comes first.
void fill_record(const FlowState& flow, api::FlowRecord& record) noexcept;

// Zeek's conn_state (base/protocols/conn/main.zeek documents the letters) from the flags that both sides
// sent; meaningful for TCP only, other protocols: s1-like states do not apply and oth is returned.
[[nodiscard]] api::ConnState conn_state(const HotFlow& hot, const ColdFlow& cold) noexcept;

// Time of the last packet of a side, 0 if it has sent none.
[[nodiscard]] std::uint64_t last_ns_of(const HotFlow& hot, const ColdFlow& cold, unsigned side) noexcept;

// Client and server of a request or hit: `client_side` is the side that sent it.
void fill_ends(const FlowState& flow, unsigned client_side, api::EventEnds& ends) noexcept;

}  // namespace picket::flow
