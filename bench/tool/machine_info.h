// What the machine is, for the head of a report.
#pragma once

#include "bench/tool/row.h"
#include "bench/tool/tsc_clock.h"

namespace picket::bench {

[[nodiscard]] MachineInfo machine_info(const TscClock& clock);

// Bytes that can be allocated without pushing others out; 0 where the kernel does not say.
[[nodiscard]] std::uint64_t available_bytes();

}  // namespace picket::bench
