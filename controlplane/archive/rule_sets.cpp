#include "controlplane/archive/rule_sets.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace picket::archive {

namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const store::RuleGeneration& generation) {
    Json json{{"generation", generation.number}, {"watch_lists", generation.watch_lists}};
    json["rules"] = Json::array();
    for (const auto& rule : *generation.rules) {
        json["rules"].push_back({{"gid", rule.gid},
                                 {"sid", rule.sid},
                                 {"rev", rule.rev},
                                 {"severity", rule.severity},
                                 {"msg", rule.message},
                                 {"classtype", rule.class_type},
                                 {"text", rule.text}});
    }
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::shared_ptr<const store::RuleGeneration> parse(const std::string& text) {
    const Json json = Json::parse(text);
    auto generation = std::make_shared<store::RuleGeneration>();
    json.at("generation").get_to(generation->number);
    json.at("watch_lists").get_to(generation->watch_lists);
    auto rules = std::make_shared<std::vector<rules::RuleInfo>>();
    for (const auto& entry : json.at("rules")) {
        rules::RuleInfo& rule = rules->emplace_back();
        entry.at("gid").get_to(rule.gid);
        entry.at("sid").get_to(rule.sid);
        entry.at("rev").get_to(rule.rev);
        entry.at("severity").get_to(rule.severity);
        entry.at("msg").get_to(rule.message);
        entry.at("classtype").get_to(rule.class_type);
        entry.at("text").get_to(rule.text);
    }
    generation->rules = std::move(rules);
    return generation;
}

// FNV-1a, the same on every machine.
std::uint32_t hash_of(const std::string& text) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3;
    return static_cast<std::uint32_t>(hash ^ hash >> 32);
}

std::string file_of(std::uint32_t number) {
    return "rules-" + std::to_string(number) + ".json";
}

}  // namespace

std::uint32_t RuleSets::archived(std::uint32_t generation) {
    if (generation == 0) return 0;
    const std::lock_guard lock(mutex_);
    const auto known = numbers_.find(generation);
    if (known != numbers_.end()) return known->second;
    const auto rules = rules_.generation(generation);
    if (!rules) return 0;
    const std::string text = text_of(*rules);
    const std::uint32_t number = 0x8000'0000 | hash_of(text);
    numbers_[generation] = number;
    if (sets_.emplace(number, rules).second)
        pending_.push_back({{number, generation, file_of(number)}, text});
    return number;
}

std::shared_ptr<const store::RuleGeneration> RuleSets::find(std::uint32_t archived) const {
    const std::lock_guard lock(mutex_);
    const auto found = sets_.find(archived);
    return found == sets_.end() ? nullptr : found->second;
}

void RuleSets::load(const DurableDirectory& directory, const std::vector<RuleSet>& sets,
                    std::vector<std::string>& notes) {
    const std::lock_guard lock(mutex_);
    for (const auto& set : sets) {
        std::erase_if(pending_, [&](const auto& other) { return other.first.generation == set.generation; });
        std::string text;
        Failure failure = read_text(directory.path_of(set.file), text);
        try {
            if (!failure) sets_[set.generation] = parse(text);
        } catch (const std::exception& error) {  // of the JSON library
            failure = error.what();
        }
        if (failure) notes.push_back("the rules of " + set.file + " are not known: " + *failure);
    }
    // Rows to come name those that are in use, and another directory may lack them.
    for (const auto& [generation, number] : numbers_) {
        const auto names = [number = number](const RuleSet& set) { return set.generation == number; };
        const auto waits = [&](const auto& other) { return names(other.first); };
        if (std::any_of(sets.begin(), sets.end(), names) || std::ranges::any_of(pending_, waits)) continue;
        pending_.push_back({{number, generation, file_of(number)}, text_of(*sets_.at(number))});
    }
}

Failure RuleSets::write(DurableDirectory& directory, std::vector<RuleSet>& written) {
    std::vector<std::pair<RuleSet, std::string>> pending;
    {
        const std::lock_guard lock(mutex_);
        pending = pending_;
    }
    for (const auto& [set, text] : pending) {
        if (auto failure = directory.write(set.file, text)) return failure;
        written.push_back(set);
    }
    return {};
}

void RuleSets::entered(const std::vector<RuleSet>& written) {
    const std::lock_guard lock(mutex_);
    std::erase_if(pending_, [&](const auto& pending) {
        return std::any_of(written.begin(), written.end(),
                           [&](const auto& set) { return set.generation == pending.first.generation; });
    });
}

}  // namespace picket::archive
