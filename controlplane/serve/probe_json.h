// The probe ledger as the rows of the contract.
#pragma once

#include <span>

#include "controlplane/detect/probe_ledger.h"
#include "controlplane/serve/json.h"
#include "controlplane/store/answer_bytes.h"

namespace picket::serve {

// The outcomes that occur, with their counts.
Json outcomes_json(const std::array<std::uint64_t, store::outcome_texts.size()>& counts);

Json probe_row(const detect::Probe& probe);
// null where nothing came back.
Json answer_json(const store::AnswerBytes& answer);
Json probe_source_row(const detect::ProbeSource& source);
// Totals of all probes.
Json probe_sum(std::span<const detect::Probe> probes);
// One row a destination or rule, the busiest first.
Json probe_destination_rows(std::span<const detect::Probe> probes);
Json probe_rule_rows(std::span<const detect::Probe> probes);
// time, seen, inferred; buckets without probes are left out.
Json probe_timeline_rows(std::span<const detect::Probe> probes, std::uint64_t interval_ns);

}  // namespace picket::serve
