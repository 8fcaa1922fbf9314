// Rules and watch lists to the blob that the data plane loads (dataplane/api/rule_blob.h).
//
// compile_rules() is a pure function but for Hyperscan's compiler; it takes from milliseconds to seconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/rules/filter_plan.h"
#include "controlplane/rules/pattern_cache.h"
#include "controlplane/rules/rule.h"
#include "controlplane/rules/rule_parser.h"
#include "controlplane/rules/watch_list.h"

namespace picket::rules {

// What picketd keeps beside the blob to name rules: RuleInfo i describes rule index i.
struct RuleInfo {
    std::uint32_t gid = 1;
    std::uint32_t sid = 0;
    std::uint32_t rev = 0;
    std::uint32_t severity = 3;
    std::string message;
    std::string class_type;
    std::vector<std::string> references;
    std::string text;
    std::string file;
    std::uint32_t line = 0;
    api::RuleKind kind = api::RuleKind::request;
    std::optional<Threshold> threshold;
    std::vector<std::string> buffers;  // that a hit has matched, in the order of the rule's text
};

// What of a rule costs more than a rule should, though it means what it says. option is the keyword
// concerned.
struct CostNote {
    std::string file;
    std::uint32_t line = 0;
    std::uint32_t sid = 0;
    std::string option;
    std::string reason;
};

struct CompiledRules {
    std::vector<std::byte> blob;
    std::vector<RuleInfo> rules;
    std::vector<std::optional<FilterChoice>> filters;  // of each rule; none: it is judged always
    std::vector<std::string> watch_lists;              // names; index i is bit i
    std::size_t always_judged = 0;                     // rules without a usable filter element
    std::size_t mute = 0;                              // rules that are not judged: find_mute_rules()
    std::vector<CostNote> cost_notes;                  // patterns that were too costly for the filter
    double plan_seconds = 0;                           // of choosing the filter's elements
    double compile_seconds = 0;                        // of the databases and the blob
    bool from_cache = true;                            // no database had to be compiled
};

// cache: where compiled databases are looked for and kept; may be null. statistics: what is rare. Throws
// picket::SetupError if there are more than 64 watch lists, a list's name is empty or too long, the set is
// larger than the data plane has room for, or Hyperscan cannot compile for this machine at all.
CompiledRules compile_rules(const std::vector<Rule>& rules, const RuleSettings& settings,
                            const std::vector<WatchListSource>& watch_lists = {},
                            PatternCache* cache = nullptr,
                            const RequestStatistics& statistics = RequestStatistics::shipped());

}  // namespace picket::rules
