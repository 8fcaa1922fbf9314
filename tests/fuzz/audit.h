// What holds after every packet sequence, whatever was in it: each frame is in a flow or in one outcome, and
// each packet of a flow is in exactly one record.
#pragma once

#include <sys/prctl.h>

#include <cstdint>
#include <numeric>

#include "tests/fuzz/fuzz_input.h"
#include "tests/support/pipeline_harness.h"

namespace picket::fuzz {

// Room for a burst's events, and for the last records of a few hundred flows; quick to clear.
inline constexpr std::size_t ring_bytes = 1 << 20;

// Every input makes its own tables, which are mapped with large pages: clearing those took most of the time.
inline void use_small_pages() noexcept {
    static const int done = prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    static_cast<void>(done);
}

// REQUIRES: harness.finish() was called. frames: fed to each port.
inline void check_audit(const testing::PipelineHarness& harness,
                        const std::array<std::uint64_t, api::ports_max>& frames) {
    std::uint64_t in_flows = 0;
    for (std::size_t port = 0; port < frames.size(); ++port) {
        const api::PortAudit& audit = harness.area.ports[port];
        const auto elsewhere =
            std::accumulate(audit.outcomes.begin(), audit.outcomes.end(), std::uint64_t{0});
        require(audit.received == frames[port], "every frame is received");
        require(audit.received == audit.in_flows + elsewhere, "every frame is in one place");
        in_flows += audit.in_flows;
    }
    const api::WorkerCounters& counters = harness.area.counters;
    // Packets whose frame is gone, or whose ring is half full, are not told.
    auto dropped = counters.events_dropped;
    dropped[static_cast<std::size_t>(api::EventKind::packet)] = 0;
    for (const std::uint64_t events : dropped) require(events == 0, "no event is dropped");
    std::uint64_t in_records = counters.folded_records;
    std::uint64_t final_records = counters.folded_records;
    for (const api::FlowRecord& record : harness.flows) {
        in_records += record.directions[0].packets + record.directions[1].packets;
        final_records += record.final;
    }
    require(in_records == in_flows, "every packet of a flow is in one record");
    require(counters.flows_active == 0, "no flow is left");
    require(counters.flows_created == counters.flows_ended, "flows that began have ended");
    require(counters.flows_ended == final_records, "every flow has its last record");
    require(counters.http_states_active == 0, "no half-read request is left");
    require(counters.http_requests == harness.requests.size(), "every request is told");
    require(counters.http_responses == harness.responses.size(), "every answer is told");
}

}  // namespace picket::fuzz
