#include "tests/reference/reference_matcher.h"

#include <algorithm>
#include <stdexcept>

namespace picket::reference {
namespace {

using rules::BufferOption;

constexpr std::uint32_t pcre_steps_max = 2'000'000;  // twenty times what the engine allows

struct GivenUp {};

bool is_negated(const BufferOption& option) {
    return (option.flags & api::option_negated) != 0;
}
bool is_relative(const BufferOption& option) {
    return (option.flags & api::option_relative) != 0;
}

bool has_address(const rules::AddressSet& set, const api::Address& address) {
    return set.any || std::ranges::any_of(set.ranges, [&](const api::AddressRange& range) {
               return range.first <= address && address <= range.last;
           });
}

bool has_port(const rules::PortSet& set, std::uint16_t port) {
    return set.any || std::ranges::any_of(set.ranges, [&](const api::PortRange& range) {
               return range.first <= port && port <= range.last;
           });
}

bool has_ends(const rules::Rule& rule, const api::Address& source, std::uint16_t source_port,
              const api::Address& destination, std::uint16_t destination_port) {
    return has_address(rule.source_addresses, source) && has_port(rule.source_ports, source_port) &&
           has_address(rule.destination_addresses, destination) &&
           has_port(rule.destination_ports, destination_port);
}

bool flow_holds(const rules::Rule& rule, const match::FlowEnds& ends) {
    if (rule.established != api::RuleEstablished::any &&
        (rule.established == api::RuleEstablished::yes) != ends.established) {
        return false;
    }
    if (rule.kind == api::RuleKind::request) {
        return true;  // its direction is that of its messages
    }
    const bool direction_holds = rule.direction == api::RuleDirection::any ||
                                 (rule.direction == api::RuleDirection::to_server) == ends.to_server;
    return direction_holds && (ends.protocol == 17 ? rule.udp : rule.tcp);
}

bool ends_hold(const rules::Rule& rule, const match::FlowEnds& ends) {
    return has_ends(rule, ends.source, ends.source_port, ends.destination, ends.destination_port) ||
           (rule.both_ways &&
            has_ends(rule, ends.destination, ends.destination_port, ends.source, ends.source_port));
}

bool flags_hold(const BufferOption& option, std::uint8_t flags) {
    const int wanted = option.from & 0xff;
    const int seen = flags & ~(option.from >> 8) & 0xff;
    switch (static_cast<api::FlagTest>(option.to)) {
        case api::FlagTest::exactly:
            return seen == wanted;
        case api::FlagTest::all:
            return (seen & wanted) == wanted;
        case api::FlagTest::any:
            return (seen & wanted) != 0;
    }
    return false;
}

// Whether something may still be found, or the length still change, beyond the bytes that are kept.
bool depends_on_rest(const BufferOption& option, const Text& text, std::size_t base) {
    const auto size = static_cast<long>(text.bytes.size());
    switch (option.kind) {
        case api::RuleOptionKind::content: {
            const bool bounded = (option.flags & api::option_bounded) != 0;
            const bool range_is_kept = bounded && static_cast<long>(base) + option.to <= size;
            return (option.flags & api::option_at_end) != 0 || (is_negated(option) && !range_is_kept);
        }
        case api::RuleOptionKind::pcre:
        case api::RuleOptionKind::data_at:
            return is_negated(option);
        case api::RuleOptionKind::length:
            return is_negated(option) || option.to < api::rule_length_max;
        default:
            return false;
    }
}

bool size_holds(const BufferOption& option, const Text& text, const Message& message, std::size_t base) {
    const auto size = static_cast<long>(text.bytes.size());
    switch (option.kind) {
        case api::RuleOptionKind::length:
            return size >= option.from && size <= option.to;
        case api::RuleOptionKind::data_at:
            return static_cast<long>(base) + option.from <= size;
        case api::RuleOptionKind::packet_size: {
            const auto packet = message.packet_size();
            return packet && static_cast<std::int64_t>(*packet) >= option.from &&
                   static_cast<std::int64_t>(*packet) <= option.to;
        }
        case api::RuleOptionKind::tcp_flags:
            return message.kind() == api::RuleKind::payload && flags_hold(option, message.tcp_flags());
        default:
            return false;
    }
}

pcre2_code* compile(const BufferOption& option) {
    int fault = 0;
    PCRE2_SIZE where = 0;
    pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(option.bytes.data()), option.bytes.size(),
                                     option.pcre_options, &fault, &where, nullptr);
    if (code == nullptr) {
        throw std::runtime_error("PCRE2 does not take " + option.bytes);
    }
    return code;
}

// One for all: this is a program of one thread.
pcre2_match_data* match_data() {
    static pcre2_match_data* const data = pcre2_match_data_create(1, nullptr);
    return data;
}
pcre2_match_context* match_context() {
    static pcre2_match_context* const context = [] {
        pcre2_match_context* made = pcre2_match_context_create(nullptr);
        pcre2_set_match_limit(made, pcre_steps_max);
        return made;
    }();
    return context;
}

}  // namespace

ReferenceRule::ReferenceRule(const rules::Rule& rule) : rule_(rule) {
    for (const rules::OptionChain& chain : rule.chains) {
        Chain& made = chains_.emplace_back(Chain{&chain, {}});
        for (auto option = chain.options.begin(); option != chain.options.end(); ++option) {
            const bool is_pcre = option->kind == api::RuleOptionKind::pcre;
            made.steps.push_back({&*option, Pcre(is_pcre ? compile(*option) : nullptr),
                                  std::any_of(option + 1, chain.options.end(), is_relative)});
        }
    }
}

bool ReferenceRule::concerns(const Message& message) const {
    return rule_.kind == message.kind() &&
           (rule_.kind == api::RuleKind::payload || (rule_.phases & message.phases()) != 0) &&
           flow_holds(rule_, message.ends()) && ends_hold(rule_, message.ends());
}

Verdict ReferenceRule::judge(const Message& message) const {
    if (!concerns(message)) {
        return Verdict::no;
    }
    try {
        const auto holds = [&](const Chain& chain) { return chain_holds(chain, message); };
        return std::ranges::all_of(chains_, holds) ? Verdict::yes : Verdict::no;
    } catch (const GivenUp&) {
        return Verdict::given_up;
    }
}

bool ReferenceRule::chain_holds(const Chain& chain, const Message& message) {
    if (chain.chain->buffer == api::RuleBuffer::header_line) {
        return std::ranges::any_of(message.header_lines(),
                                   [&](const Text& line) { return text_holds(chain, line, message); });
    }
    const MaybeText& text = message.buffer(*chain.chain);
    const bool absent = !text || (chain.chain->empty_is_absent && text->bytes.empty());
    return !absent && text_holds(chain, *text, message);
}

bool ReferenceRule::text_holds(const Chain& chain, const Text& text, const Message& message) {
    Positions positions{0};
    for (const Step& step : chain.steps) {
        positions = after(step, text, message, positions);
        if (positions.empty()) {
            return false;
        }
    }
    return true;
}

ReferenceRule::Positions ReferenceRule::after(const Step& step, const Text& text, const Message& message,
                                              const Positions& before) {
    const BufferOption& option = *step.option;
    Positions found;
    for (const std::size_t position : before) {
        const std::size_t base = is_relative(option) ? position : 0;
        if (text.cut && depends_on_rest(option, text, base)) {
            continue;
        }
        Positions ends;
        bool holds = false;
        if (option.kind == api::RuleOptionKind::content) {
            add_content_ends(step, text, base, ends);
        } else if (option.kind == api::RuleOptionKind::pcre) {
            add_pcre_ends(step, text, base, ends);
        } else {
            holds = size_holds(option, text, message, base);
        }
        if (is_negated(option)) {
            if (ends.empty() && !holds) {
                found.push_back(position);
            }
        } else if (holds) {
            found.push_back(position);
        } else {
            found.insert(found.end(), ends.begin(), ends.end());
        }
    }
    std::ranges::sort(found);
    const auto twice = std::ranges::unique(found);
    found.erase(twice.begin(), twice.end());
    return found;
}

void ReferenceRule::add_content_ends(const Step& step, const Text& text, std::size_t base, Positions& ends) {
    const BufferOption& option = *step.option;
    const std::string& searched = (option.flags & api::option_nocase) != 0 ? text.lower : text.bytes;
    const long from = static_cast<long>(base) + option.from;
    const long to = static_cast<long>(base) + option.to;
    const bool bounded = (option.flags & api::option_bounded) != 0;
    const bool at_end = (option.flags & api::option_at_end) != 0;
    for (std::size_t at = searched.find(option.bytes); at != std::string::npos;
         at = searched.find(option.bytes, at + 1)) {
        const std::size_t end = at + option.bytes.size();
        if (static_cast<long>(at) < from || (bounded && static_cast<long>(end) > to) ||
            (at_end && end != searched.size())) {
            continue;
        }
        ends.push_back(end);
        if (!step.counted_from) {
            return;
        }
    }
}

// From every start, but none behind the last one from which something was found.
void ReferenceRule::add_pcre_ends(const Step& step, const Text& text, std::size_t base, Positions& ends) {
    const std::string_view subject = std::string_view(text.bytes).substr(base);
    const std::uint32_t options = PCRE2_NO_JIT | (text.cut ? PCRE2_NOTEOL : 0);
    for (std::size_t start = 0; start <= subject.size(); ++start) {
        const int result = pcre2_match(step.pcre.get(), reinterpret_cast<PCRE2_SPTR>(subject.data()),
                                       subject.size(), start, options, match_data(), match_context());
        if (result == PCRE2_ERROR_NOMATCH) {
            return;
        }
        if (result < 0) {
            throw GivenUp();
        }
        ends.push_back(base + pcre2_get_ovector_pointer(match_data())[1]);
        if (!step.counted_from) {
            return;
        }
    }
}

}  // namespace picket::reference
