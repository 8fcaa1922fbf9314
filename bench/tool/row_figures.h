// From what was counted to the figures of a row. Pure functions.
#pragma once

#include <vector>

#include "bench/tool/row.h"
#include "bench/tool/worker_rig.h"

namespace picket::bench {

// Of one run: what each worker did in it.
struct Run {
    std::vector<Slice> slices;
    std::vector<double> memory_limit_cycles;
    Slowdown slowdown;  // 0 where there is one worker
};

[[nodiscard]] double median(std::vector<double> values);

// Everything of the row that comes from its runs. REQUIRES: runs, each with every worker.
void take_runs(const std::vector<Run>& runs, const TscClock& clock, Row& row);

// Adds what a worker's pipeline has counted since it began.
void add_counters(const api::WorkerCounters& counters, const api::PortAudit& audit, Row& row);

}  // namespace picket::bench
