#include "controlplane/rules/rule_parser.h"

#include <algorithm>
#include <utility>

#include "controlplane/rules/range_set.h"
#include "controlplane/rules/rule_options.h"
#include "controlplane/rules/rule_phase.h"
#include "controlplane/rules/rule_text.h"

namespace picket::rules {
namespace {

using api::RuleBuffer;

enum class Protocol { tcp, udp, ip, http };

OptionFault header_fault(std::string reason) {
    return {"header", std::move(reason)};
}

// The sid, if the options hold a readable one; for reports of rules that were not parsed to the end.
std::optional<std::uint32_t> find_sid(const RuleParts& parts) {
    for (const OptionText& option : parts.options) {
        std::int64_t sid = 0;
        if (option.name == "sid" && parse_integer(option.value, sid) && sid > 0 && sid <= 0xffffffff) {
            return static_cast<std::uint32_t>(sid);
        }
    }
    return std::nullopt;
}

std::string parse_protocol(std::string_view word, Protocol& protocol) {
    const std::string name = lower_case(word);
    if (name == "tcp" || name == "tcp-pkt") {
        protocol = Protocol::tcp;
    } else if (name == "udp") {
        protocol = Protocol::udp;
    } else if (name == "ip") {
        protocol = Protocol::ip;
    } else if (name == "http" || name == "http1") {
        protocol = Protocol::http;
    } else {
        return "protocol '" + name + "' is not supported";
    }
    return "";
}

OptionFault parse_header(const std::vector<std::string>& words, const RuleSettings& settings, Rule& rule,
                         Protocol& protocol) {
    if (words.size() != 7 && words.size() != 2) {
        return header_fault("needs action, protocol, source, port, direction, destination, port");
    }
    if (words[0] != "alert") {
        return header_fault("action '" + words[0] + "' is not supported; Picket only alerts");
    }
    if (std::string fault = parse_protocol(words[1], protocol); !fault.empty()) {
        return header_fault(std::move(fault));
    }
    rule.tcp = protocol != Protocol::udp;
    rule.udp = protocol == Protocol::udp || protocol == Protocol::ip;
    if (words.size() == 2) {
        return protocol == Protocol::http ? OptionFault() : header_fault("names no addresses and ports");
    }
    if (words[4] != "->" && words[4] != "<>") {
        return header_fault("direction '" + words[4] + "' is neither -> nor <>");
    }
    rule.both_ways = words[4] == "<>";
    const auto& variables = settings.variables;
    const std::pair<std::string, std::string> faults[] = {
        {"source address ", parse_addresses(words[2], variables, rule.source_addresses)},
        {"source port ", parse_ports(words[3], variables, rule.source_ports)},
        {"destination address ", parse_addresses(words[5], variables, rule.destination_addresses)},
        {"destination port ", parse_ports(words[6], variables, rule.destination_ports)},
    };
    for (const auto& [where, fault] : faults) {
        if (!fault.empty()) {
            return header_fault(where + fault);
        }
    }
    return {};
}

bool tests_negatively(const BufferOption& option) {
    return (option.flags & (api::option_negated | api::option_at_end)) != 0 ||
           option.kind == api::RuleOptionKind::length;
}

// Plain contents of a request rule look at the request's bytes. How far those go is not known, so that only
// what is found there can be judged.
OptionFault bind_plain_contents(Rule& rule) {
    for (OptionChain& chain : rule.chains) {
        if (chain.buffer != RuleBuffer::payload) {
            continue;
        }
        if (std::ranges::any_of(chain.options, tests_negatively)) {
            return {"content",
                    "negated or bound to the end, without a buffer, in a rule about requests: "
                    "the request's end is not known"};
        }
        chain.buffer = RuleBuffer::request;
        chain.empty_is_absent = false;
    }
    return {};
}

bool has_option(const Rule& rule, api::RuleOptionKind kind) {
    return std::ranges::any_of(rule.chains, [&](const OptionChain& chain) {
        return std::ranges::find(chain.options, kind, &BufferOption::kind) != chain.options.end();
    });
}

// Whether only packets with payload can match: others are not looked at.
bool needs_payload(const Rule& rule) {
    const auto asks_for_a_byte = [](const BufferOption& option) {
        const bool positive = (option.flags & api::option_negated) == 0;
        switch (option.kind) {
            case api::RuleOptionKind::content:
            case api::RuleOptionKind::pcre:
            case api::RuleOptionKind::data_at:
                return positive;
            case api::RuleOptionKind::length:
            case api::RuleOptionKind::packet_size:
                return option.from > 0;
            case api::RuleOptionKind::tcp_flags:
                return false;
        }
        return false;
    };
    return std::ranges::any_of(rule.chains, [&](const OptionChain& chain) {
        return std::ranges::any_of(chain.options, asks_for_a_byte);
    });
}

OptionFault check_payload_rule(const Rule& rule, const OptionRemarks& remarks) {
    if (remarks.stream_only) {
        return {"flow", "only_stream: packets are matched one by one, not as a stream"};
    }
    if (!needs_payload(rule)) {
        return {"header", "the rule may hold for packets without payload, which are not looked at"};
    }
    if (rule.udp && has_option(rule, api::RuleOptionKind::tcp_flags)) {
        return {"flags", "needs protocol tcp"};
    }
    return {};
}

// Decides whether the rule is about requests or packets, and refuses what neither can honour.
OptionFault classify(Rule& rule, Protocol protocol, const OptionRemarks& remarks, Syntax syntax) {
    if (rule.chains.empty()) {
        return {"header", "the rule tests nothing but addresses and ports; use a watch list"};
    }
    const bool any_http = std::ranges::any_of(
        rule.chains, [](const OptionChain& chain) { return chain.buffer != RuleBuffer::payload; });
    if (!any_http && protocol != Protocol::http) {
        rule.kind = api::RuleKind::payload;
        return check_payload_rule(rule, remarks);
    }
    if (has_option(rule, api::RuleOptionKind::tcp_flags)) {
        return {"flags", "are a packet's, and requests are matched as a stream"};
    }
    if (protocol == Protocol::udp) {
        return {"header", "protocol udp carries no HTTP requests here"};
    }
    if (remarks.packet_only) {
        return {"flow", "no_stream: requests are matched as a stream"};
    }
    if (rule.established == api::RuleEstablished::no) {
        return {"flow", "not_established cannot hold for a request or response"};
    }
    rule.kind = api::RuleKind::request;
    if (OptionFault fault = set_phases(rule)) {
        return fault;
    }
    rule.direction = api::RuleDirection::any;  // the phases say which message it is about
    rule.established = api::RuleEstablished::any;
    rule.udp = false;
    if (syntax == Syntax::snort3 && remarks.service_http) {
        rule.source_ports = {};  // Snort 3: a service that is recognised overrides the ports
        rule.destination_ports = {};
    }
    return bind_plain_contents(rule);
}

// A line of Snort's or Suricata's threshold.conf; empty for a rule.
std::string_view global_filter(std::string_view text) {
    for (const std::string_view word : {"event_filter", "rate_filter", "suppress", "threshold"}) {
        if (text.starts_with(word) && text.find('(') == std::string_view::npos) {
            return word;
        }
    }
    return {};
}

OptionFault parse_statement(const Statement& statement, const RuleSettings& settings, RuleParts& parts,
                            Rule& rule) {
    if (const std::string_view filter = global_filter(statement.text); !filter.empty()) {
        return {std::string(filter),
                "is a filter outside of rules, which is not supported; give the rule a threshold"};
    }
    if (std::string fault = split_rule(statement.text, parts); !fault.empty()) {
        return {"rule", std::move(fault)};
    }
    Protocol protocol = Protocol::tcp;
    if (OptionFault fault = parse_header(parts.header, settings, rule, protocol)) {
        return fault;
    }
    const Syntax syntax = detect_syntax(parts, settings.dialect);
    OptionRemarks remarks;
    if (OptionFault fault = parse_options(parts.options, syntax, settings.dialect, rule, remarks)) {
        return fault;
    }
    return classify(rule, protocol, remarks, syntax);
}

}  // namespace

ParsedRules parse_rules(std::string_view text, const std::string& file, const RuleSettings& settings) {
    ParsedRules parsed;
    for (const Statement& statement : split_statements(text)) {
        RuleParts parts;
        Rule rule;
        rule.text = statement.text;
        rule.file = file;
        rule.line = statement.line;
        if (OptionFault fault = parse_statement(statement, settings, parts, rule)) {
            parsed.rejects.push_back(
                {file, statement.line, find_sid(parts), std::move(fault.option), std::move(fault.reason)});
        } else {
            parsed.rules.push_back(std::move(rule));
        }
    }
    resolve_duplicates(parsed);
    return parsed;
}

void resolve_duplicates(ParsedRules& parsed) {
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> places;
    std::vector<Rule> kept;
    kept.reserve(parsed.rules.size());
    for (Rule& rule : parsed.rules) {
        const auto [place, is_new] = places.try_emplace({rule.gid, rule.sid}, kept.size());
        if (is_new) {
            kept.push_back(std::move(rule));
            continue;
        }
        Rule& first = kept[place->second];
        if (rule.rev > first.rev) {
            std::swap(rule, first);
        }
        parsed.duplicates.push_back({rule.gid, rule.sid, first.file, first.line, rule.file, rule.line});
    }
    parsed.rules = std::move(kept);
}

std::string list_rejects(const std::vector<Reject>& rejects) {
    std::string list;
    for (const Reject& reject : rejects) {
        list += reject.file + ":" + std::to_string(reject.line) + ": ";
        if (reject.sid) {
            list += "sid " + std::to_string(*reject.sid) + ": ";
        }
        list += reject.option + ": " + reject.reason + "\n";
    }
    return list;
}

}  // namespace picket::rules
