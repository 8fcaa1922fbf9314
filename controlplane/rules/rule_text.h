// The lexical layer of rule files: lines to rules, rules to header words and options.
//
// Pure functions; views refer to the text that was passed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace picket::rules {

std::string_view trim(std::string_view text);
std::string lower_case(std::string_view text);

// One statement of a rule file: a rule, or an include line. Comments are gone, continued lines joined.
struct Statement {
    std::uint32_t line = 0;  // 1-based, where it begins
    std::string text;
};

// A line ending in a backslash continues; so does a rule whose parentheses are still open (Snort 3), up to
// a line that begins a rule of its own.
std::vector<Statement> split_statements(std::string_view text);

struct OptionText {
    std::string name;   // lower case
    std::string value;  // trimmed, quotes and escapes kept
    bool has_value = false;
};

struct RuleParts {
    std::vector<std::string> header;  // words; lists in brackets are one word
    std::vector<OptionText> options;
};

// Splits a rule into header words and options. An empty string, or what is wrong with it.
std::string split_rule(std::string_view rule, RuleParts& out);

// A value of the form [!]"text"[,rest]: text without its quotes, escapes kept. False if it is not quoted.
bool split_quoted(std::string_view value, bool& negated, std::string_view& text, std::string_view& rest);

// Bytes of a content string: |hex|, and '\' before a punctuation character. An empty string, or the fault.
std::string decode_content(std::string_view text, std::string& bytes);

// A decimal integer with optional sign, the whole of text.
bool parse_integer(std::string_view text, std::int64_t& value);

}  // namespace picket::rules
