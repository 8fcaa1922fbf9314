#include "bench/tool/row_figures.h"

#include <algorithm>
#include <functional>

namespace picket::bench {
namespace {

constexpr double check_sequence_bytes = 4;

double per_packet(std::uint64_t value, const Slice& slice) noexcept {
    return slice.packets == 0 ? 0 : static_cast<double>(value) / static_cast<double>(slice.packets);
}

// The median over the runs of a figure's mean over the workers.
double typical(const std::vector<Run>& runs, const std::function<double(const Run&, std::size_t)>& figure) {
    std::vector<double> values;
    for (const Run& run : runs) {
        double sum = 0;
        for (std::size_t worker = 0; worker < run.slices.size(); ++worker) sum += figure(run, worker);
        values.push_back(sum / static_cast<double>(run.slices.size()));
    }
    return median(std::move(values));
}

// Polling a port is no part of the worker's time from the hand-over of a burst on.
std::uint64_t timer_cycles(const Slice& slice) noexcept {
    std::uint64_t stages = 0;
    for (std::size_t i = 0; i < api::stage_count; ++i) {
        if (i != static_cast<std::size_t>(api::Stage::rx)) stages += slice.stage_cycles[i];
    }
    return slice.cycles - std::min(stages, slice.cycles);
}

void take_workers(const std::vector<Run>& runs, const TscClock& clock, Row& row) {
    for (std::size_t worker = 0; worker < runs.front().slices.size(); ++worker) {
        WorkerRow figures;
        figures.core = row.settings.cores[worker];
        std::vector<double> packet_ns;
        std::vector<double> limit_ns;
        for (const Run& run : runs) {
            packet_ns.push_back(clock.ns(per_packet(run.slices[worker].cycles, run.slices[worker])));
            limit_ns.push_back(clock.ns(run.memory_limit_cycles[worker]));
        }
        figures.ns_per_packet = median(packet_ns);
        figures.memory_limit_ns = median(limit_ns);
        figures.mpps = 1000 / figures.ns_per_packet;
        row.workers.push_back(figures);
    }
}

void take_stages(const std::vector<Run>& runs, const TscClock& clock, Row& row) {
    for (std::size_t stage = 0; stage < row.stages_ns.size(); ++stage) {
        row.stages_ns[stage] = typical(runs, [&](const Run& run, std::size_t worker) {
            const Slice& slice = run.slices[worker];
            const std::uint64_t cycles =
                stage == timers_stage ? timer_cycles(slice) : slice.stage_cycles[stage];
            return clock.ns(per_packet(cycles, slice));
        });
    }
}

}  // namespace

double median(std::vector<double> values) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 != 0 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

void take_runs(const std::vector<Run>& runs, const TscClock& clock, Row& row) {
    const auto ns = [&](const Run& run, std::size_t worker) {
        return clock.ns(per_packet(run.slices[worker].cycles, run.slices[worker]));
    };
    row.ns_per_packet = typical(runs, ns);
    row.cycles_per_packet = row.ns_per_packet * clock.hz() * 1e-9;
    row.source_ns = typical(runs, [&](const Run& run, std::size_t worker) {
        return clock.ns(per_packet(run.slices[worker].source_cycles, run.slices[worker]));
    });
    row.memory_limit_ns = typical(
        runs, [&](const Run& run, std::size_t worker) { return clock.ns(run.memory_limit_cycles[worker]); });
    const double requests = typical(runs, [](const Run& run, std::size_t worker) {
        return per_packet(run.slices[worker].requests, run.slices[worker]);
    });
    const double begun = typical(runs, [](const Run& run, std::size_t worker) {
        return per_packet(run.slices[worker].begun, run.slices[worker]);
    });
    row.frame_bytes = check_sequence_bytes + typical(runs, [](const Run& run, std::size_t worker) {
                          return per_packet(run.slices[worker].frame_bytes, run.slices[worker]);
                      });
    take_stages(runs, clock, row);
    take_workers(runs, clock, row);
    std::vector<double> rates;
    std::vector<double> workers_slower;
    std::vector<double> limit_slower;
    row.ns_per_packet_min = ns(runs.front(), 0);
    for (const Run& run : runs) {
        double rate = 0;
        for (std::size_t worker = 0; worker < run.slices.size(); ++worker) {
            const double packet_ns = ns(run, worker);
            rate += 1000 / packet_ns;
            row.ns_per_packet_min = std::min(row.ns_per_packet_min, packet_ns);
            row.ns_per_packet_max = std::max(row.ns_per_packet_max, packet_ns);
            row.packets += run.slices[worker].packets;
        }
        rates.push_back(rate);
        workers_slower.push_back(run.slowdown.workers);
        limit_slower.push_back(run.slowdown.memory_limit);
    }
    row.mpps = median(std::move(rates));
    row.slowdown = {median(std::move(workers_slower)), median(std::move(limit_slower))};
    row.gbit_per_s = row.mpps * wire_bits(row.frame_bytes) * 1e-3;
    row.uris_per_s = row.mpps * 1e6 * requests;
    row.new_flows_per_s = row.mpps * 1e6 * begun;
    const double match_ns = row.stages_ns[static_cast<std::size_t>(api::Stage::match)];
    row.ns_per_uri = requests > 0 ? match_ns / requests : 0;
}

void add_counters(const api::WorkerCounters& counters, const api::PortAudit& audit, Row& row) {
    row.flows_active += counters.flows_active;
    row.flow_capacity += counters.flow_capacity;
    row.in_flows += audit.in_flows;
    row.rule_hits += counters.rule_hits;
    row.records += counters.events_written[static_cast<std::size_t>(api::EventKind::flow)];
    for (std::size_t i = 0; i < api::outcome_count; ++i) {
        if (audit.outcomes[i] != 0) row.outcomes[std::string(api::outcome_names[i])] += audit.outcomes[i];
    }
    for (const std::uint64_t dropped : counters.events_dropped) row.events_dropped += dropped;
    if (counters.texts_scanned != 0) {
        row.filter_pass =
            static_cast<double>(counters.texts_passed) / static_cast<double>(counters.texts_scanned);
    }
}

}  // namespace picket::bench
