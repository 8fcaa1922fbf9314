#include "controlplane/rules/rule_compiler.h"

#include <hs/hs.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>

#include "controlplane/rules/blob_writer.h"
#include "controlplane/rules/database_compiler.h"
#include "controlplane/rules/engine_identity.h"
#include "controlplane/rules/engine_trials.h"
#include "controlplane/rules/filter_plan.h"
#include "controlplane/rules/flowbit_options.h"
#include "controlplane/rules/option_names.h"
#include "dataplane/api/segment.h"
#include "dataplane/api/setup_error.h"

namespace picket::rules {
namespace {

// The elements of one filter group while rules are being assigned to them.
struct GroupPlan {
    struct Element {
        std::string pattern;
        unsigned flags = 0;
        std::vector<std::uint32_t> rules;
    };
    std::vector<Element> elements;
    std::vector<std::uint32_t> always;
    std::uint32_t buffers = 0;
    std::map<std::pair<std::string, unsigned>, std::size_t> places;

    void add(FilterChoice choice, std::uint32_t rule) {
        const auto [place, is_new] = places.try_emplace({choice.pattern, choice.flags}, elements.size());
        if (is_new) {
            elements.push_back({std::move(choice.pattern), choice.flags, {}});
        }
        elements[place->second].rules.push_back(rule);
        buffers |= 1u << static_cast<unsigned>(choice.text);
    }
};

// One that Hyperscan refuses sends its rules to the always-judged. flags_all: of every element.
FilterDatabase compile_group(GroupPlan& plan, unsigned flags_all, PatternCache* cache) {
    std::vector<Expression> expressions;
    for (const GroupPlan::Element& element : plan.elements) {
        expressions.push_back({element.pattern, element.flags});
    }
    FilterDatabase database = compile_database(expressions, flags_all, cache);
    for (const std::size_t refused : database.refused) {
        const auto& rules = plan.elements[refused].rules;
        plan.always.insert(plan.always.end(), rules.begin(), rules.end());
    }
    std::size_t index = 0;
    std::erase_if(plan.elements, [&](const GroupPlan::Element&) {
        return std::ranges::binary_search(database.refused, index++);
    });
    return database;
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Of a rule whose filter element has just been chosen: what was too costly to be it.
void note_refusals(EngineTrials& trials, const Rule& rule, std::vector<CostNote>& notes) {
    for (const std::string& reason : trials.take_refusals()) {
        notes.push_back({rule.file, rule.line, rule.sid, "pcre", reason + ": the filter does without it"});
    }
}

void check_watch_lists(const std::vector<WatchListSource>& lists) {
    if (lists.size() > api::watch_lists_max) {
        throw SetupError("watch lists", "there are " + std::to_string(lists.size()) + " of them",
                         "use at most " + std::to_string(api::watch_lists_max), 2);
    }
    for (const WatchListSource& list : lists) {
        if (list.name.empty() || list.name.size() >= api::name_length_max) {
            throw SetupError("watch list '" + list.name + "'", "its name is empty or too long",
                             "use a name of 1 to " + std::to_string(api::name_length_max - 1) + " bytes", 2);
        }
    }
}

std::vector<std::string> buffers_of(const Rule& rule) {
    std::vector<std::string> names;
    for (const OptionChain& chain : rule.chains) {
        std::string name = buffer_name({chain.buffer, chain.field, chain.direction});
        if (std::ranges::find(names, name) == names.end()) {
            names.push_back(std::move(name));
        }
    }
    return names;
}

// A hit names the client as its source, and a response's source is the server.
std::optional<Threshold> threshold_of(const Rule& rule) {
    std::optional<Threshold> threshold = rule.threshold;
    if (threshold && rule.phases == api::rule_at_response) {
        if (threshold->track == ThresholdTrack::source) {
            threshold->track = ThresholdTrack::destination;
        } else if (threshold->track == ThresholdTrack::destination) {
            threshold->track = ThresholdTrack::source;
        }
    }
    return threshold;
}

void check_size(std::size_t bytes) {
    if (bytes > api::rule_blob_size_max) {
        throw SetupError("rules",
                         "the compiled set takes " + std::to_string(bytes >> 20) +
                             " MiB, and there is room for " + std::to_string(api::rule_blob_size_max >> 20),
                         "use fewer rules or shorter watch lists", 2);
    }
}

RuleInfo describe(const Rule& rule) {
    return {rule.gid,        rule.sid,           rule.rev,        rule.severity, rule.message,
            rule.class_type, rule.references,    rule.text,       rule.file,     rule.line,
            rule.kind,       threshold_of(rule), buffers_of(rule)};
}

}  // namespace

CompiledRules compile_rules(const std::vector<Rule>& rules, const RuleSettings& settings,
                            const std::vector<WatchListSource>& watch_lists, PatternCache* cache,
                            const RequestStatistics& statistics) {
    check_watch_lists(watch_lists);
    CompiledRules compiled;
    BlobWriter writer;
    EngineTrials trials(cache);
    const auto begin = std::chrono::steady_clock::now();
    std::array<GroupPlan, api::filter_group_count> plans;
    const std::vector<bool> mute = find_mute_rules(rules);
    for (const Rule& rule : rules) {
        const auto index = static_cast<std::uint32_t>(compiled.rules.size());
        writer.add_rule(rule);
        compiled.rules.push_back(describe(rule));
        if (mute[index]) {
            ++compiled.mute;
            compiled.filters.emplace_back();
            continue;
        }
        compiled.filters.push_back(choose_filter(rule, trials, statistics));
        if (auto choice = compiled.filters.back()) {
            GroupPlan& plan = plans[static_cast<std::size_t>(choice->group)];
            if ((rule.phases & (api::rule_at_head | api::rule_at_response)) ==
                (api::rule_at_head | api::rule_at_response)) {
                plans[static_cast<std::size_t>(api::FilterGroup::response)].add(*choice, index);
            }
            plan.add(std::move(*choice), index);
        } else {
            plans[static_cast<std::size_t>(default_group(rule))].always.push_back(index);
        }
        note_refusals(trials, rule, compiled.cost_notes);
    }
    for (const std::uint32_t index : order_by_flowbits(rules)) {
        writer.add_bit_rule(index, rules[index]);
    }
    trials.keep();
    compiled.plan_seconds = seconds_since(begin);
    for (std::size_t i = 0; i < plans.size(); ++i) {
        // Payloads are scanned one by one: an element need not be told twice. A run of zeros holds one of
        // zeros at every byte.
        const bool lone = i == static_cast<std::size_t>(api::FilterGroup::payload);
        FilterDatabase database = compile_group(plans[i], lone ? HS_FLAG_SINGLEMATCH : 0, cache);
        compiled.from_cache = compiled.from_cache && (database.from_cache || database.bytes.empty());
        std::vector<std::vector<std::uint32_t>> lists;
        for (GroupPlan::Element& element : plans[i].elements) {
            lists.push_back(std::move(element.rules));
        }
        writer.set_group(static_cast<api::FilterGroup>(i), std::move(database.bytes), lists, plans[i].always,
                         plans[i].buffers);
        compiled.always_judged += plans[i].always.size();
        for (const std::uint32_t rule : plans[i].always) compiled.filters[rule].reset();
    }
    for (const WatchListSource& list : watch_lists) {
        writer.add_watch_list(list.name);
        compiled.watch_lists.push_back(list.name);
    }
    writer.set_watch_ranges(merge_watch_lists(watch_lists));

    compiled.blob = writer.finish(settings.dialect, api::text_hash(hs_version()), cpu_features());
    compiled.compile_seconds = seconds_since(begin) - compiled.plan_seconds;
    check_size(compiled.blob.size());
    return compiled;
}

}  // namespace picket::rules
