// Searches the highest rate at which nothing is lost (NDR), as RFC 2544 §26.1 has it: by halving, with bounds
// on the number of trials. Beside it the rate with 0.5 % of loss (PDR) and what passes at most (MRR).
// Pure but for the trials that it asks for.
#pragma once

#include <functional>

#include "bench/tool/row.h"

namespace picket::bench {

// Sends at a rate, 0: as fast as the sender can.
using Attempt = std::function<Trial(double mpps)>;

// loss: share that still counts as none. trials_max > 0. Where even the least rate that was tried lost
// packets, ndr_mpps is 0.
[[nodiscard]] Search search_rates(const Attempt& attempt, double loss, unsigned trials_max);

}  // namespace picket::bench
