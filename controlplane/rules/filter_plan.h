// Which one element of each rule the data plane's filter looks for.
//
// The filter must not miss, should pass little, and has to be fast: the element is the one that is expected
// to cost least a request, in scanning and in judging what it lets through, by what statistics of requests
// say about its parts. A rule without an element that pays is judged always (its guard comes first:
// dataplane/match/rule_guard.h).
#pragma once

#include <optional>
#include <string>

#include "controlplane/rules/engine_trials.h"
#include "controlplane/rules/request_statistics.h"
#include "controlplane/rules/rule.h"

namespace picket::rules {

struct FilterChoice {
    api::FilterGroup group = api::FilterGroup::uri;
    api::RuleBuffer text = api::RuleBuffer::uri;  // the text that has to be scanned for it
    std::string pattern;                          // Hyperscan expression
    unsigned flags = 0;                           // HS_FLAG_*
    std::string literal;                          // what pattern stands for; empty for one from a pcre
    double bits = 0;                              // minus log2 of the share of requests expected to pass
};

// nullopt: the rule has no usable element and is judged always. trials say which patterns the engine takes.
std::optional<FilterChoice> choose_filter(const Rule& rule, EngineTrials& trials,
                                          const RequestStatistics& statistics = RequestStatistics::shipped());

// The group in which rules without an element are listed.
api::FilterGroup default_group(const Rule& rule);

}  // namespace picket::rules
