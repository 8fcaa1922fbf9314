#include "controlplane/rules/rule_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace picket::rules {
namespace {

constexpr std::array actions = std::to_array<std::string_view>(
    {"alert", "drop", "reject", "rejectsrc", "rejectdst", "rejectboth", "pass", "log", "block", "sdrop",
     "activate", "dynamic", "react", "rewrite", "include"});

bool is_space(char byte) {
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

bool begins_statement(std::string_view line) {
    const std::size_t end = line.find_first_of(" \t");
    return std::ranges::find(actions, line.substr(0, end)) != actions.end();
}

// Follows quotes and escapes through the options of a rule. A quote opens only where a value begins, so
// that unquoted values may contain quotes.
class OptionScanner {
  public:
    // True if byte is outside of quotes and not escaped.
    bool feed(char byte) {
        if (escaped_) {
            escaped_ = false;
            return false;
        }
        if (byte == '\\') {
            escaped_ = true;
            return false;
        }
        if (quoted_) {
            quoted_ = byte != '"';
            return false;
        }
        if (byte == '"' && value_begins_) {
            quoted_ = true;
            return false;
        }
        if (byte == ':' || byte == ';') {
            value_begins_ = byte == ':';
        } else if (!is_space(byte) && byte != '!') {
            value_begins_ = false;
        }
        return true;
    }

    [[nodiscard]] bool quoted() const { return quoted_; }

  private:
    bool escaped_ = false;
    bool quoted_ = false;
    bool value_begins_ = false;
};

// True if the rule has opened its options and not closed them.
bool options_open(std::string_view text) {
    const std::size_t open = text.find('(');
    return open != std::string_view::npos && !trim(text).ends_with(')');
}

std::string split_header(std::string_view text, std::vector<std::string>& words) {
    std::size_t at = 0;
    while (at < text.size()) {
        if (is_space(text[at])) {
            ++at;
            continue;
        }
        const std::size_t begin = at;
        int depth = 0;
        while (at < text.size() && (depth > 0 || !is_space(text[at]))) {
            depth += text[at] == '[' ? 1 : text[at] == ']' ? -1 : 0;
            ++at;
        }
        if (depth != 0) {
            return "the header has unbalanced brackets";
        }
        words.emplace_back(text.substr(begin, at - begin));
    }
    return "";
}

void add_option(std::string_view text, std::vector<OptionText>& options) {
    text = trim(text);
    if (text.empty()) {
        return;
    }
    const std::size_t colon = text.find(':');
    OptionText option;
    option.name = lower_case(trim(text.substr(0, colon)));
    option.has_value = colon != std::string_view::npos;
    if (option.has_value) {
        option.value = trim(text.substr(colon + 1));
    }
    options.push_back(std::move(option));
}

int hex_digit(char digit) {
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    const char lower = static_cast<char>(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Bytes of one |…| run. False if it is not pairs of digits.
bool decode_hex(std::string_view text, std::string& bytes) {
    int high = -1;
    for (const char digit : text) {
        if (is_space(digit)) {
            continue;
        }
        const int value = hex_digit(digit);
        if (value < 0) {
            return false;
        }
        if (high < 0) {
            high = value;
        } else {
            bytes.push_back(static_cast<char>(high << 4 | value));
            high = -1;
        }
    }
    return high < 0;
}

}  // namespace

std::string_view trim(std::string_view text) {
    while (!text.empty() && is_space(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_space(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

std::string lower_case(std::string_view text) {
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(),
                           [](unsigned char byte) { return static_cast<char>(std::tolower(byte)); });
    return lower;
}

std::vector<Statement> split_statements(std::string_view text) {
    std::vector<Statement> statements;
    if (text.starts_with("\xef\xbb\xbf")) {
        text.remove_prefix(3);
    }
    bool continued = false;  // by a backslash
    bool open = false;       // by parentheses
    std::uint32_t number = 0;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        std::string_view line = trim(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        ++number;
        if (!continued && (line.empty() || line.starts_with('#'))) {
            continue;
        }
        const bool joins = continued || (open && !begins_statement(line));
        continued = line.ends_with('\\');
        if (continued) {
            line.remove_suffix(1);
        }
        if (joins) {
            statements.back().text += ' ';
            statements.back().text += line;
        } else {
            statements.push_back({number, std::string(line)});
        }
        open = options_open(statements.back().text);
    }
    return statements;
}

std::string split_rule(std::string_view rule, RuleParts& out) {
    const std::size_t open = rule.find('(');
    if (open == std::string_view::npos) {
        return "the rule has no options in parentheses";
    }
    if (std::string fault = split_header(rule.substr(0, open), out.header); !fault.empty()) {
        return fault;
    }
    std::string_view body = trim(rule.substr(open + 1));
    if (!body.ends_with(')')) {
        return "the rule does not end with ')'";
    }
    body.remove_suffix(1);
    OptionScanner scanner;
    std::size_t begin = 0;
    for (std::size_t at = 0; at < body.size(); ++at) {
        if (scanner.feed(body[at]) && body[at] == ';') {
            add_option(body.substr(begin, at - begin), out.options);
            begin = at + 1;
        }
    }
    if (scanner.quoted()) {
        return "a quoted string does not end";
    }
    if (!trim(body.substr(begin)).empty()) {
        return "the last option does not end with ';'";
    }
    if (std::ranges::any_of(out.options, [](const OptionText& option) { return option.name.empty(); })) {
        return "an option has no name before its ':'";
    }
    return "";
}

bool split_quoted(std::string_view value, bool& negated, std::string_view& text, std::string_view& rest) {
    negated = value.starts_with('!');
    value = negated ? trim(value.substr(1)) : value;
    if (!value.starts_with('"')) {
        return false;
    }
    for (std::size_t at = 1; at < value.size(); ++at) {
        if (value[at] == '\\') {
            ++at;
        } else if (value[at] == '"') {
            text = value.substr(1, at - 1);
            rest = trim(value.substr(at + 1));
            return true;
        }
    }
    return false;
}

std::string decode_content(std::string_view text, std::string& bytes) {
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '|') {
            const std::size_t end = text.find('|', at + 1);
            if (end == std::string_view::npos) {
                return "has a '|' without its pair";
            }
            if (!decode_hex(text.substr(at + 1, end - at - 1), bytes)) {
                return "has something other than pairs of hexadecimal digits between '|'";
            }
            at = end;
        } else if (text[at] == '\\') {
            ++at;
            if (at == text.size() || std::isalnum(static_cast<unsigned char>(text[at])) != 0) {
                return "has a '\\' before a character that needs none";
            }
            bytes.push_back(text[at]);
        } else {
            bytes.push_back(text[at]);
        }
    }
    return bytes.empty() ? "is empty" : "";
}

bool parse_integer(std::string_view text, std::int64_t& value) {
    if (text.starts_with('+')) {
        text.remove_prefix(1);
    }
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    return fault == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace picket::rules
