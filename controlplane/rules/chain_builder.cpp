#include "controlplane/rules/chain_builder.h"

#include <algorithm>
#include <limits>

#include "controlplane/rules/pcre_check.h"
#include "controlplane/rules/rule_text.h"

namespace picket::rules {
namespace {

using api::RuleBuffer;
using api::RuleOptionKind;

constexpr std::int64_t position_max = 65535;

std::string parse_position(std::string_view value, std::int64_t low, std::int64_t& out) {
    if (!parse_integer(value, out)) {
        return "needs a number, not '" + std::string(value) + "'";
    }
    return out < low || out > position_max ? "must be between " + std::to_string(low) + " and 65535" : "";
}

// Bounds of a length test, inclusive.
struct LengthRange {
    std::int64_t from = 0;
    std::int64_t to = api::rule_length_max;
};

// n, <n, >n, a<>b (inclusive in Snort 2, else exclusive), a<=>b, and with Snort 3 <=n, >=n.
std::string parse_length(std::string_view value, bool snort3, bool inclusive, LengthRange& out) {
    const auto number = [](std::string_view text, std::int64_t& into) {
        return parse_integer(trim(text), into) && into >= 0 && into <= position_max;
    };
    std::int64_t low = 0;
    std::int64_t high = 0;
    if (const std::size_t at = value.find("<=>"); at != std::string_view::npos && snort3) {
        out = {};
        if (number(value.substr(0, at), out.from) && number(value.substr(at + 3), out.to)) {
            return "";
        }
    } else if (const std::size_t between = value.find("<>"); between != std::string_view::npos) {
        if (number(value.substr(0, between), low) && number(value.substr(between + 2), high)) {
            out = {inclusive ? low : low + 1, inclusive ? high : high - 1};
            return "";
        }
    } else if (snort3 && value.starts_with("<=") && number(value.substr(2), high)) {
        out = {0, high};
        return "";
    } else if (snort3 && value.starts_with(">=") && number(value.substr(2), low)) {
        out = {low, api::rule_length_max};
        return "";
    } else if (value.starts_with('<') && number(value.substr(1), high)) {
        out = {0, high - 1};
        return "";
    } else if (value.starts_with('>') && number(value.substr(1), low)) {
        out = {low + 1, api::rule_length_max};
        return "";
    } else if (number(value, low)) {
        out = {low, low};
        return "";
    }
    return "needs n, <n, >n or a<>b, not '" + std::string(value) + "'";
}

std::optional<std::uint32_t> pcre_option(char flag) {
    switch (flag) {
        case 'i':
            return PCRE2_CASELESS;
        case 's':
            return PCRE2_DOTALL;
        case 'm':
            return PCRE2_MULTILINE;
        case 'x':
            return PCRE2_EXTENDED;
        case 'A':
            return PCRE2_ANCHORED;
        case 'E':
            return PCRE2_DOLLAR_ENDONLY;
        case 'G':
            return PCRE2_UNGREEDY;
        case 'B':  // raw bytes: nothing is decoded before matching anyway
        case 'O':  // Snort's own match limit; ours holds
            return 0;
        default:
            return std::nullopt;
    }
}

}  // namespace

void ChainBuilder::select(BufferName buffer) {
    current_ = std::move(buffer);
    selected_ = true;
    ++selection_;
}

ChainBuilder::Item& ChainBuilder::add(RuleOptionKind kind) {
    Item& item = items_.emplace_back();
    item.buffer = current_;
    item.chosen_buffer = selected_;
    item.selection = selection_;
    item.option.kind = kind;
    return item;
}

ChainBuilder::Item* ChainBuilder::last_content() {
    const auto found = std::ranges::find(items_.rbegin(), items_.rend(), RuleOptionKind::content,
                                         [](const Item& item) { return item.option.kind; });
    return found == items_.rend() ? nullptr : &*found;
}

std::string ChainBuilder::add_content(std::string_view value) {
    bool negated = false;
    std::string_view text;
    std::string_view rest;
    if (!split_quoted(value, negated, text, rest)) {
        return "needs a string in double quotes";
    }
    Item& item = add(RuleOptionKind::content);
    item.option.flags = negated ? api::option_negated : 0;
    if (std::string fault = decode_content(text, item.option.bytes); !fault.empty()) {
        return fault;
    }
    if (!rest.empty() && (syntax_ != Syntax::snort3 || !rest.starts_with(','))) {
        return "has '" + std::string(rest) + "' after its string";
    }
    while (!rest.empty()) {
        rest.remove_prefix(1);
        const std::size_t end = std::min(rest.find(','), rest.size());
        const std::string_view modifier = trim(rest.substr(0, end));
        rest.remove_prefix(end);
        const std::size_t blank = std::min(modifier.find(' '), modifier.size());
        if (std::string fault = modify(modifier.substr(0, blank), trim(modifier.substr(blank)));
            !fault.empty()) {
            return std::string(modifier.substr(0, blank)) + " " + fault;
        }
    }
    return "";
}

std::string ChainBuilder::add_uricontent(std::string_view value) {
    if (std::string fault = add_content(value); !fault.empty()) {
        return fault;
    }
    return move_to({RuleBuffer::uri, ""});
}

std::string ChainBuilder::move_to(BufferName buffer) {
    Item* item = last_content();
    if (item == nullptr) {
        return "follows no content";
    }
    if (item->chosen_buffer) {
        return "changes a buffer that was already chosen for its content";
    }
    item->buffer = std::move(buffer);
    item->chosen_buffer = true;
    return "";
}

std::string ChainBuilder::modify(std::string_view name, std::string_view value) {
    Item* item = last_content();
    if (item == nullptr) {
        return "follows no content";
    }
    const auto set_position = [&](std::optional<std::int64_t>& target, std::int64_t low) -> std::string {
        std::int64_t number = 0;
        if (std::string fault = parse_position(value, low, number); !fault.empty()) {
            return fault;
        }
        if (target) {
            return "is given twice for one content";
        }
        target = number;
        return "";
    };
    if (name == "offset") {
        return set_position(item->offset, 0);
    }
    if (name == "depth") {
        return set_position(item->depth, 1);
    }
    if (name == "distance") {
        return set_position(item->distance, -position_max);
    }
    if (name == "within") {
        return set_position(item->within, 1);
    }
    if (name == "nocase") {
        item->option.flags |= api::option_nocase;
    } else if (name == "startswith") {
        item->starts = true;
    } else if (name == "endswith") {
        item->option.flags |= api::option_at_end;
    } else if (!name.starts_with("fast_pattern") && name != "rawbytes") {
        return "is not a modifier of content that is supported";
    }
    return "";
}

std::string ChainBuilder::parse_pcre_flags(std::string_view flags, Item& item) {
    for (const char flag : flags) {
        if (const auto option = pcre_option(flag)) {
            item.option.pcre_options |= *option;
        } else if (flag == 'R') {
            item.option.flags |= api::option_relative;
        } else if (const auto buffer = pcre_buffer(flag); buffer && syntax_ == Syntax::classic) {
            if (item.chosen_buffer) {
                return "names a buffer by a flag and by a keyword before it";
            }
            item.buffer = *buffer;
            item.chosen_buffer = true;
        } else {
            return std::string("has the flag '") + flag + "', which is not supported";
        }
    }
    return "";
}

std::string ChainBuilder::add_pcre(std::string_view value) {
    const bool negated = value.starts_with('!');
    value = negated ? trim(value.substr(1)) : value;
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
        value = value.substr(1, value.size() - 2);
    }
    const std::size_t end = value.rfind('/');
    if (!value.starts_with('/') || end == 0) {
        return "needs /pattern/flags";
    }
    Item& item = add(RuleOptionKind::pcre);
    item.option.flags = negated ? api::option_negated : 0;
    item.option.bytes = value.substr(1, end - 1);
    if (std::string fault = parse_pcre_flags(value.substr(end + 1), item); !fault.empty()) {
        return fault;
    }
    return pcre_fault(item.option.bytes, item.option.pcre_options);
}

std::string ChainBuilder::add_length(std::string_view name, std::string_view value) {
    const bool snort3 = syntax_ == Syntax::snort3;
    BufferName buffer = current_;
    if (name == "dsize") {
        buffer = {RuleBuffer::payload, ""};
    } else if (name == "urilen") {
        bool raw = dialect_ != api::Dialect::suricata;
        if (const std::size_t comma = value.find(','); comma != std::string_view::npos) {
            const std::string_view which = trim(value.substr(comma + 1));
            if (which != "raw" && which != "norm") {
                return "has ',' followed by neither raw nor norm";
            }
            raw = which == "raw";
            value = trim(value.substr(0, comma));
        }
        buffer = {raw ? RuleBuffer::raw_uri : RuleBuffer::uri, ""};
    } else if (!selected_) {
        return "needs a buffer keyword before it";
    }
    LengthRange range;
    const bool inclusive = dialect_ != api::Dialect::suricata && !snort3;
    if (std::string fault = parse_length(value, snort3, inclusive, range); !fault.empty()) {
        return fault;
    }
    Item& item = add(name == "dsize" ? RuleOptionKind::packet_size : RuleOptionKind::length);
    item.buffer = std::move(buffer);
    item.chosen_buffer = true;
    item.option.from = static_cast<std::int32_t>(range.from);
    item.option.to = static_cast<std::int32_t>(range.to);
    return "";
}

std::string ChainBuilder::add_data_at(std::string_view value) {
    const bool negated = value.starts_with('!');
    value = negated ? trim(value.substr(1)) : value;
    const std::size_t comma = std::min(value.find(','), value.size());
    const std::string_view rest = value.substr(comma);
    const bool relative = rest.find("relative") != std::string_view::npos;
    if (rest.find("rawbytes") != std::string_view::npos) {
        return "rawbytes is not supported";
    }
    std::int64_t bytes = 0;
    if (!parse_integer(trim(value.substr(0, comma)), bytes) || bytes < 0 || bytes > position_max) {
        return "needs a number of bytes between 0 and 65535";
    }
    const BufferName previous = items_.empty() ? current_ : items_.back().buffer;
    Item& item = add(RuleOptionKind::data_at);
    if (relative && !selected_) {
        item.buffer = previous;
    }
    item.option.flags = static_cast<std::uint8_t>((negated ? api::option_negated : 0) |
                                                  (relative ? api::option_relative : 0));
    // Suricata's relative form is satisfied by exactly so many bytes; all others ask for a byte at that
    // place.
    const bool exact = relative && dialect_ == api::Dialect::suricata && syntax_ == Syntax::classic;
    item.option.from = static_cast<std::int32_t>(exact ? bytes : bytes + 1);
    return "";
}

OptionFault ChainBuilder::place(Item& item) const {
    if (item.option.kind != RuleOptionKind::content) {
        return {};
    }
    BufferOption& option = item.option;
    const bool relative = item.distance || item.within;
    if (relative && (item.offset || item.depth || item.starts)) {
        return {"content", "mixes distance or within with offset, depth or startswith"};
    }
    if (item.starts && (item.offset || item.depth)) {
        return {"startswith", "cannot be used with offset or depth"};
    }
    const auto length = static_cast<std::int64_t>(option.bytes.size());
    const std::optional<std::int64_t> extent = item.starts ? length : relative ? item.within : item.depth;
    if (extent && *extent < length) {
        return {relative ? "within" : "depth", "is shorter than its content"};
    }
    const std::int64_t from = relative ? item.distance.value_or(0) : item.offset.value_or(0);
    option.from = static_cast<std::int32_t>(from);
    option.flags |= relative ? api::option_relative : 0;
    if (extent) {
        option.to = static_cast<std::int32_t>(from + *extent);
        option.flags |= api::option_bounded;
    }
    if (item.buffer.buffer == RuleBuffer::host) {
        if (std::ranges::any_of(option.bytes, [](char byte) { return byte >= 'A' && byte <= 'Z'; }) &&
            (option.flags & api::option_nocase) == 0) {
            return {"content", "has upper case letters, and the host is compared in lower case"};
        }
    }
    if ((option.flags & api::option_nocase) != 0) {
        option.bytes = lower_case(option.bytes);
    }
    return {};
}

// Suricata keeps one list a buffer; Snort's position belongs to the buffer that was chosen last.
bool ChainBuilder::joins_chain(const OptionChain& chain, std::size_t selection, const Item& item) const {
    return chain.buffer == item.buffer.buffer && chain.field == item.buffer.field &&
           chain.direction == item.buffer.direction &&
           (dialect_ == api::Dialect::suricata && syntax_ == Syntax::classic ? true
                                                                             : selection == item.selection);
}

OptionFault ChainBuilder::finish(std::vector<OptionChain>& chains) {
    std::vector<std::size_t> selections;
    const bool one_list = dialect_ == api::Dialect::suricata && syntax_ == Syntax::classic;
    for (Item& item : items_) {
        if (OptionFault fault = place(item)) {
            return fault;
        }
        std::size_t at = chains.size();
        for (std::size_t i = one_list || chains.empty() ? 0 : chains.size() - 1; i < chains.size(); ++i) {
            if (joins_chain(chains[i], selections[i], item)) {
                at = i;
            }
        }
        if (at == chains.size()) {
            OptionChain& chain = chains.emplace_back();
            chain.buffer = item.buffer.buffer;
            chain.field = item.buffer.field;
            chain.direction = item.buffer.direction;
            chain.empty_is_absent = !one_list && chain.buffer != RuleBuffer::payload;
            selections.push_back(item.selection);
        }
        if (chains[at].options.size() >= 200) {
            return {"content", "is one of too many options over one buffer"};
        }
        chains[at].options.push_back(std::move(item.option));
    }
    items_.clear();
    return {};
}

}  // namespace picket::rules
