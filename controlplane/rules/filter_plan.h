// Which one element of each rule the data plane's filter looks for.
//
// The filter must not miss, and should pass little: of the rule's positive contents the rarest is taken, by
// shipped byte and token statistics of requests; else a pcre that Hyperscan can approximate from above.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "controlplane/rules/rule.h"

namespace picket::rules {

struct FilterChoice {
    api::FilterGroup group = api::FilterGroup::uri;
    api::RuleBuffer text = api::RuleBuffer::uri;  // the text that has to be scanned for it
    std::string pattern;                          // Hyperscan expression
    unsigned flags = 0;                           // HS_FLAG_*
};

// nullopt: the rule has no usable element and is judged always.
std::optional<FilterChoice> choose_filter(const Rule& rule);

// The group in which rules without an element are listed.
api::FilterGroup default_group(const Rule& rule);

// How rare a content is, in bits; 0 for what nearly every request has.
double rarity_bits(std::string_view bytes, bool nocase);

// A pattern that matches at least where this one does when the text stands among others, separated by
// newlines, and is scanned with HS_FLAG_MULTILINE. nullopt if that cannot be assured.
std::optional<std::string> relax_pattern(std::string_view pattern, std::uint32_t pcre_options);

}  // namespace picket::rules
