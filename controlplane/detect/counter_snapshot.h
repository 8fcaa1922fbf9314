// All counters of a data plane at about one moment; each block consistent in itself.
//
// Plain values, taken under the sequence counters.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/drain/segments.h"
#include "dataplane/api/counters.h"

namespace picket::detect {

struct WorkerSnapshot {
    api::WorkerCounters counters;
    std::array<api::PortAudit, api::ports_max> ports;
};

struct PortSnapshot {
    std::string name;
    std::string group;
    std::string device;
    api::PortCounters counters;
};

// Sums of one port's audits over the workers.
struct Audit {
    std::uint64_t received = 0;
    std::uint64_t received_bytes = 0;
    std::uint64_t in_flows = 0;
    std::uint64_t held = 0;  // fragments that wait for the one with their ports
    std::array<std::uint64_t, api::outcome_count> outcomes{};
    std::uint64_t handed_out = 0;
    std::uint64_t taken_in = 0;
    // of the link, as in api::PortAudit
    std::uint64_t duplicates = 0;
    std::uint64_t recorded = 0;
    std::uint64_t recorded_one_way = 0;
    std::uint64_t recorded_swapped = 0;

    void add(const api::PortAudit& audit) noexcept;
    void add(const Audit& audit) noexcept;
    [[nodiscard]] std::uint64_t outcomes_total() const noexcept;
    // Frames in a steering ring. Blocks of different workers are copied at different moments, so that a
    // frame may be seen taken in before it is seen handed out: then 0.
    [[nodiscard]] std::uint64_t in_transit() const noexcept;
    [[nodiscard]] std::uint64_t outcome(api::Outcome name) const noexcept;
    [[nodiscard]] bool balanced() const noexcept;
};

struct CounterSnapshot {
    std::uint64_t taken_ns = 0;  // UTC
    std::vector<WorkerSnapshot> workers;
    std::vector<PortSnapshot> ports;
    std::uint64_t ring_bytes = 0;
    std::uint64_t ring_used_bytes = 0;
    std::uint64_t ring_written_bytes = 0;  // ever

    [[nodiscard]] Audit port_audit(std::size_t port) const noexcept;
    [[nodiscard]] Audit audit() const noexcept;
    // Sum over the workers of one counter.
    [[nodiscard]] std::uint64_t sum(std::uint64_t api::WorkerCounters::*counter) const noexcept;
    [[nodiscard]] std::uint64_t events_dropped(api::EventKind kind) const noexcept;
    [[nodiscard]] std::uint64_t device_lost() const noexcept;  // missed, no buffer, no socket
    // Packets that reached us and never an analysis, and records that found no room in a ring.
    [[nodiscard]] std::uint64_t analysis_lost() const noexcept;
    [[nodiscard]] std::uint64_t flow_records_dropped() const noexcept;
    // Packets that got no flow, and flows of one packet that got no record: counted elsewhere, not lost.
    [[nodiscard]] std::uint64_t folded() const noexcept;
};

// nothing if a writer died in the middle of a write.
std::optional<CounterSnapshot> take_counters(const drain::Segments& segments);

}  // namespace picket::detect
