#include "controlplane/rules/rule_compiler.h"

#include <hs/hs.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <memory>
#include <tuple>

#include "controlplane/rules/blob_writer.h"
#include "controlplane/rules/filter_plan.h"
#include "controlplane/rules/flowbit_options.h"
#include "controlplane/rules/option_names.h"
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

std::vector<std::byte> serialize(const hs_database_t* database) {
    char* bytes = nullptr;
    std::size_t size = 0;
    if (hs_serialize_database(database, &bytes, &size) != HS_SUCCESS) {
        throw SetupError("rules", "Hyperscan cannot serialize the pattern database", "check the free memory");
    }
    const auto* first = reinterpret_cast<const std::byte*>(bytes);
    std::vector<std::byte> copy(first, first + size);
    std::free(bytes);
    return copy;
}

// Compiles the group's elements; one that Hyperscan refuses sends its rules to the always-judged. flags_all:
// of every element.
std::vector<std::byte> compile_group(GroupPlan& plan, unsigned flags_all) {
    while (!plan.elements.empty()) {
        std::vector<const char*> patterns;
        std::vector<unsigned> flags;
        std::vector<unsigned> ids;
        for (const GroupPlan::Element& element : plan.elements) {
            ids.push_back(static_cast<unsigned>(ids.size()));
            patterns.push_back(element.pattern.c_str());
            flags.push_back(element.flags | flags_all);
        }
        hs_database_t* database = nullptr;
        hs_compile_error_t* fault = nullptr;
        if (hs_compile_multi(patterns.data(), flags.data(), ids.data(),
                             static_cast<unsigned>(patterns.size()), HS_MODE_BLOCK, nullptr, &database,
                             &fault) == HS_SUCCESS) {
            std::vector<std::byte> bytes = serialize(database);
            hs_free_database(database);
            return bytes;
        }
        const int expression = fault->expression;
        const std::string reason = fault->message;
        hs_free_compile_error(fault);
        if (expression < 0 || static_cast<std::size_t>(expression) >= plan.elements.size()) {
            throw SetupError("rules", "Hyperscan cannot compile the patterns: " + reason,
                             "use a processor with SSSE3, or fewer rules");
        }
        const auto refused = plan.elements.begin() + expression;
        plan.always.insert(plan.always.end(), refused->rules.begin(), refused->rules.end());
        plan.elements.erase(refused);
    }
    return {};
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

RuleInfo describe(const Rule& rule) {
    return {rule.gid,        rule.sid,           rule.rev,        rule.severity, rule.message,
            rule.class_type, rule.references,    rule.text,       rule.file,     rule.line,
            rule.kind,       threshold_of(rule), buffers_of(rule)};
}

}  // namespace

CompiledRules compile_rules(const std::vector<Rule>& rules, const RuleSettings& settings,
                            const std::vector<WatchListSource>& watch_lists) {
    check_watch_lists(watch_lists);
    CompiledRules compiled;
    BlobWriter writer;
    std::array<GroupPlan, api::filter_group_count> plans;
    for (const Rule& rule : rules) {
        const auto index = static_cast<std::uint32_t>(compiled.rules.size());
        writer.add_rule(rule);
        compiled.rules.push_back(describe(rule));
        if (auto choice = choose_filter(rule)) {
            GroupPlan& plan = plans[static_cast<std::size_t>(choice->group)];
            if ((rule.phases & (api::rule_at_head | api::rule_at_response)) ==
                (api::rule_at_head | api::rule_at_response)) {
                plans[static_cast<std::size_t>(api::FilterGroup::response)].add(*choice, index);
            }
            plan.add(std::move(*choice), index);
        } else {
            plans[static_cast<std::size_t>(default_group(rule))].always.push_back(index);
        }
    }
    for (const std::uint32_t index : order_by_flowbits(rules)) {
        writer.add_bit_rule(index, rules[index]);
    }
    for (std::size_t i = 0; i < plans.size(); ++i) {
        // Payloads are scanned one by one: an element need not be told twice. A run of zeros holds one of
        // zeros at every byte.
        const bool lone = i == static_cast<std::size_t>(api::FilterGroup::payload);
        std::vector<std::byte> database = compile_group(plans[i], lone ? HS_FLAG_SINGLEMATCH : 0);
        std::vector<std::vector<std::uint32_t>> lists;
        for (GroupPlan::Element& element : plans[i].elements) {
            lists.push_back(std::move(element.rules));
        }
        writer.set_group(static_cast<api::FilterGroup>(i), std::move(database), lists, plans[i].always,
                         plans[i].buffers);
        compiled.always_judged += plans[i].always.size();
    }
    for (const WatchListSource& list : watch_lists) {
        writer.add_watch_list(list.name);
        compiled.watch_lists.push_back(list.name);
    }
    writer.set_watch_ranges(merge_watch_lists(watch_lists));

    hs_platform_info_t platform{};
    if (hs_populate_platform(&platform) != HS_SUCCESS) {
        throw SetupError("rules", "Hyperscan does not run on this processor", "use one with SSSE3");
    }
    compiled.blob = writer.finish(settings.dialect, api::text_hash(hs_version()), platform.cpu_features);
    return compiled;
}

}  // namespace picket::rules
