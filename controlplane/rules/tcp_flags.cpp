#include "controlplane/rules/tcp_flags.h"

#include <algorithm>
#include <cctype>

#include "controlplane/rules/rule_text.h"

namespace picket::rules {
namespace {

constexpr std::string_view flag_letters = "FSRPAUEC";  // from the lowest bit on: RFC 9293 §3.1
constexpr std::string_view reserved_digits = "21";     // the older names of E and C

bool parse_letters(std::string_view text, std::int32_t& flags) {
    for (const char byte : text) {
        const auto letter = static_cast<char>(std::toupper(static_cast<unsigned char>(byte)));
        std::size_t bit = flag_letters.find(letter);
        if (const std::size_t digit = reserved_digits.find(letter); digit != std::string_view::npos) {
            bit = 6 + digit;
        }
        if (bit == std::string_view::npos) {
            return letter == '0' && text.size() == 1;
        }
        flags |= 1 << bit;
    }
    return !text.empty();
}

}  // namespace

std::string parse_tcp_flags(std::string_view value, BufferOption& option) {
    option.kind = api::RuleOptionKind::tcp_flags;
    const std::size_t comma = std::min(value.find(','), value.size());
    std::string_view flags = trim(value.substr(0, comma));
    const auto take_modifier = [&](char modifier) {
        if (flags.starts_with(modifier)) {
            flags.remove_prefix(1);
        } else if (flags.ends_with(modifier)) {
            flags.remove_suffix(1);
        } else {
            return false;
        }
        return true;
    };
    std::int32_t wanted = 0;
    std::int32_t ignored = 0;
    api::FlagTest test = api::FlagTest::exactly;
    if (take_modifier('+')) {
        test = api::FlagTest::all;
    } else if (take_modifier('*')) {
        test = api::FlagTest::any;
    }
    const bool has_mask = comma < value.size();
    if (!parse_letters(flags, wanted) ||
        (has_mask && !parse_letters(trim(value.substr(comma + 1)), ignored))) {
        return "needs letters of FSRPAUEC12, or 0, with + or *, and after a comma those to ignore; not '" +
               std::string(value) + "'";
    }
    option.from = wanted | ignored << 8;
    option.to = static_cast<std::int32_t>(test);
    return "";
}

}  // namespace picket::rules
