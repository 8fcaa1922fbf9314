// What a row of `picket bench` is asked for, and what was measured. Plain data.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/api/counters.h"
#include "dataplane/pipeline.h"

namespace picket::bench {

enum class Mix : std::uint8_t { min64, imix, web };
enum class Via : std::uint8_t { memory, ring, memif };
inline constexpr std::array<std::string_view, 3> mix_names{"min64", "imix", "web"};
inline constexpr std::array<std::string_view, 3> via_names{"memory", "ring", "memif"};

struct RowSettings {
    Mix mix = Mix::min64;
    Via via = Via::memory;
    std::uint64_t flows = 1'000'000;            // in the tables of all workers together
    std::uint64_t capacity = 0;                 // likewise; 0: room for everything that will be asked for
    double new_flows_share = 0;                 // of the packets
    double new_flows_per_s = 0;                 // alternatively; at most one of the two is not 0
    double requests = 0;                        // share of the packets
    double ipv6 = 0;                            // share of the flows
    Duplicates duplicates = Duplicates::count;  // as the configuration's default
    bool flood = false;              // full table, established flows among nothing but new SYN flows
    std::vector<unsigned> cores{0};  // one a worker; behind them, with a port, the sender's
    unsigned workers = 1;
    double seconds = 5;
    unsigned runs = 5;
    double loss = 0;  // of a search over a port: share that still counts as none
};

// Stages as the pipeline counts them; behind them what a burst costs beyond: timers and housekeeping.
inline constexpr std::size_t timers_stage = api::stage_count;
using StageNs = std::array<double, api::stage_count + 1>;
[[nodiscard]] constexpr std::string_view stage_name(std::size_t stage) noexcept {
    return stage == timers_stage ? "timers" : api::stage_names[stage];
}

struct WorkerRow {
    unsigned core = 0;
    double mpps = 0;
    double ns_per_packet = 0;
    double memory_limit_ns = 0;
};

// Two numbers of one machine: how much slower a packet, and a random line, gets when all workers work.
struct Slowdown {
    double workers = 0;
    double memory_limit = 0;
};

// One rate tried over a port. sent = received + missed; all three are counted, not derived.
struct Trial {
    double offered_mpps = 0;
    double passed_mpps = 0;
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    std::uint64_t missed = 0;
    [[nodiscard]] double loss() const noexcept {
        return sent == 0 ? 0 : static_cast<double>(sent - received) / static_cast<double>(sent);
    }
};

// Rates as CSIT reports them: without loss, with 0.5 % of it, and what passes when as much as possible is
// sent.
struct Search {
    double ndr_mpps = 0;
    double pdr_mpps = 0;
    double mrr_mpps = 0;
    bool sender_limited = false;  // nothing was lost at the highest rate that the sender reaches
    std::vector<Trial> trials;
};

struct Row {
    RowSettings settings;
    std::uint64_t rules = 0;
    std::uint64_t packets = 0;
    std::uint64_t lost = 0;
    double mpps = 0;
    double gbit_per_s = 0;
    double frame_bytes = 0;  // mean, with check sequence
    double ns_per_packet = 0;
    double ns_per_packet_min = 0;  // over the runs
    double ns_per_packet_max = 0;
    double cycles_per_packet = 0;
    StageNs stages_ns{};
    double uris_per_s = 0;
    double ns_per_uri = 0;
    double filter_pass = 0;  // share of the texts that the filter let through
    double memory_limit_ns = 0;
    double source_ns = 0;
    double new_flows_per_s = 0;
    std::uint64_t flows_active = 0;  // at the end
    std::uint64_t flow_capacity = 0;
    std::uint64_t in_flows = 0;
    std::map<std::string, std::uint64_t> outcomes;  // those that are not 0
    std::uint64_t records = 0;                      // flow records that left
    std::uint64_t rule_hits = 0;
    std::uint64_t events_dropped = 0;
    std::vector<WorkerRow> workers;
    Slowdown slowdown;  // several workers only
    Search search;      // over a port only
};

struct MachineInfo {
    std::string cpu;
    std::string isa;
    std::string hugepages;
    std::string kernel;
    std::uint64_t cores = 0;  // that this process may use
    double tsc_ghz = 0;
};

struct Report {
    MachineInfo machine;
    std::vector<Row> rows;
    std::vector<std::string> warnings;
};

// Bits on the wire of a frame: its bytes with check sequence, preamble and gap (20 bytes).
[[nodiscard]] constexpr double wire_bits(double frame_bytes) noexcept {
    return (frame_bytes + 20) * 8;
}

}  // namespace picket::bench
