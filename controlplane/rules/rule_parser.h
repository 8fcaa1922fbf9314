// Rule text to rules: Snort 2, Snort 3 and Suricata syntax, told apart rule by rule.
//
// Pure functions, thread-safe. What cannot be honoured exactly becomes a Reject; the other rules load.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/rules/rule.h"

namespace picket::rules {

struct RuleSettings {
    api::Dialect dialect = api::Dialect::suricata;
    std::map<std::string, std::string> variables;  // without '$'; standard ones are "any" if not named here
};

struct ParsedRules {
    std::vector<Rule> rules;
    std::vector<Reject> rejects;
    std::vector<Duplicate> duplicates;
};

// Parses one file's text. file is only used to name places. Duplicates within the text are resolved.
ParsedRules parse_rules(std::string_view text, const std::string& file, const RuleSettings& settings);

// Keeps the higher rev of each gid:sid (the first one read, if equal) and appends to parsed.duplicates.
void resolve_duplicates(ParsedRules& parsed);

// "FILE:LINE: sid N: option: reason", one line a reject.
std::string list_rejects(const std::vector<Reject>& rejects);

}  // namespace picket::rules
