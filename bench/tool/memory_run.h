// A row of --via memory: every worker makes its own traffic on its own core, as fast as it can be processed.
#pragma once

#include <memory>

#include "bench/tool/progress.h"
#include "bench/tool/request_texts.h"
#include "bench/tool/row.h"
#include "bench/tool/rule_choice.h"
#include "bench/tool/tsc_clock.h"

namespace picket::bench {

// What all rows of a report share.
struct Bench {
    TscClock clock;
    std::shared_ptr<const RequestTexts> requests;
    RuleChoice rules;
};

// Throws SetupError.
[[nodiscard]] Row run_in_memory(const RowSettings& settings, const Bench& bench, Progress& progress);

// Throws SetupError if the row's tables do not fit the memory that is available.
void check_memory(const RowSettings& settings);

}  // namespace picket::bench
