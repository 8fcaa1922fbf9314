// Layout of the two memory segments that the planes share, and how they are handed over.
//
// evidence: written by the data plane only. A memfd sealed against resizing and, after the data plane has
//           mapped it, against future writable mappings, so that picketd can only ever read it.
// control:  written by picketd (read positions, mailbox, rule area), read and distrusted by the data plane.
//           A memfd sealed against resizing.
//
// evidence = EvidenceHeader, WorkerArea[workers], PortArea[ports], RuleCostArea, ring data[workers + 1]
// control  = ControlHeader, rule area. Unused pages of either cost no memory.
// Ring i < workers is worker i's, ring `workers` is the housekeeping thread's.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "dataplane/api/abi.h"
#include "dataplane/api/counters.h"
#include "dataplane/api/event_ring.h"
#include "dataplane/api/mailbox.h"
#include "dataplane/api/rule_costs.h"
#include "dataplane/api/seqlock.h"

namespace picket::api {

enum class DataplaneState : std::uint32_t {
    starting = 0,
    held = 1,  // ports are open, workers wait for CommandKind::start
    running = 2,
    finished = 3,  // every worker has reported input_done; counters and rings stay readable
    failed = 4,
};

struct EvidenceHeader {
    std::uint64_t magic = evidence_magic;
    std::uint32_t version = abi_version;
    std::uint32_t header_size = 0;  // sizeof(EvidenceHeader)
    std::uint64_t total_size = 0;
    std::uint32_t workers = 0;
    std::uint32_t ports = 0;
    std::uint64_t worker_areas_offset = 0;
    std::uint64_t port_areas_offset = 0;
    std::uint64_t rule_costs_offset = 0;
    std::uint64_t rings_offset = 0;
    std::uint64_t ring_size = 0;         // bytes of each ring, a power of two
    std::uint32_t worker_area_size = 0;  // sizeof(WorkerArea)
    std::uint32_t port_area_size = 0;    // sizeof(PortArea)
    std::uint64_t rule_costs_size = 0;   // sizeof(RuleCostArea)
    std::uint64_t run_id = 0;            // random, new at every start
    std::uint64_t started_utc_ns = 0;
    std::uint64_t tsc_hz = 0;
    std::uint64_t process_id = 0;
    std::uint64_t replay = 0;  // 1: times are capture times, nothing is dropped
    std::array<char, 32> build_version{};
    std::atomic<std::uint32_t> state{0};             // DataplaneState
    std::atomic<std::uint32_t> rules_generation{0};  // newest that every worker has adopted
    Seqlock<ClockMap> clock;
    std::atomic<std::uint64_t> heartbeat_ns{0};  // CLOCK_MONOTONIC, about every 10 ms
    std::atomic<std::uint64_t> cpu_ns{0};        // CPU time of the whole process so far
    RingPosition commands_taken;
    std::array<RingPosition, workers_max + 1> ring_written;
};

struct ControlHeader {
    std::uint64_t magic = control_magic;
    std::uint32_t version = abi_version;
    std::uint32_t header_size = 0;  // sizeof(ControlHeader)
    std::uint64_t total_size = 0;
    std::uint64_t rule_area_offset = 0;
    std::uint64_t rule_area_size = 0;
    Mailbox mailbox;
    std::array<RingPosition, workers_max + 1> ring_read;
};

inline constexpr std::uint64_t rule_area_size_default = std::uint64_t{512} << 20;
// picketd writes to the halves of the area by turns, so that a set which is still being read stays as it is.
inline constexpr std::uint64_t rule_blob_size_max = rule_area_size_default / 2;

// First and only message that the data plane sends to a connection on its SOCK_SEQPACKET socket, with the
// descriptors evidence and control (in this order) attached as SCM_RIGHTS when status is 0. The connection
// stays open as the sign that a picketd is there; a second one is refused with EBUSY meanwhile.
struct Hello {
    std::uint64_t magic = evidence_magic;
    std::uint32_t version = abi_version;
    std::int32_t status = 0;  // 0, or an errno value: EBUSY
    std::uint64_t evidence_size = 0;
    std::uint64_t control_size = 0;
};
static_assert(sizeof(Hello) == 32);

}  // namespace picket::api
