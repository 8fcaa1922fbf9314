#include "controlplane/rules/rule_options.h"

#include <algorithm>
#include <array>
#include <limits>

#include "controlplane/rules/chain_builder.h"
#include "controlplane/rules/flowbit_options.h"
#include "controlplane/rules/option_names.h"
#include "controlplane/rules/tcp_flags.h"
#include "controlplane/rules/threshold_options.h"

namespace picket::rules {
namespace {

constexpr auto content_modifiers = std::to_array<std::string_view>(
    {"nocase", "depth", "offset", "distance", "within", "startswith", "endswith", "rawbytes"});

bool is_content_modifier(std::string_view name) {
    return std::ranges::find(content_modifiers, name) != content_modifiers.end();
}

bool has_snort3_content(const OptionText& option) {
    bool negated = false;
    std::string_view text;
    std::string_view rest;
    return option.name == "content" && split_quoted(option.value, negated, text, rest) && !rest.empty();
}

std::string unquote(std::string_view value) {
    if (value.size() < 2 || value.front() != '"' || value.back() != '"') {
        return std::string(value);
    }
    std::string text;
    value = value.substr(1, value.size() - 2);
    for (std::size_t at = 0; at < value.size(); ++at) {
        if (value[at] == '\\' && at + 1 < value.size()) {
            ++at;
        }
        text.push_back(value[at]);
    }
    return text;
}

std::string parse_number(std::string_view value, std::uint32_t low, std::uint32_t& out) {
    std::int64_t number = 0;
    if (!parse_integer(value, number) || number < low || number > std::numeric_limits<std::uint32_t>::max()) {
        return "needs a number from " + std::to_string(low) + " on, not '" + std::string(value) + "'";
    }
    out = static_cast<std::uint32_t>(number);
    return "";
}

class OptionParser {
  public:
    OptionParser(Syntax syntax, api::Dialect dialect, Rule& rule)
        : syntax_(syntax), dialect_(dialect), chains_(syntax, dialect), rule_(rule) {}

    OptionFault run(const std::vector<OptionText>& options) {
        for (const OptionText& option : options) {
            if (std::string fault = parse(option); !fault.empty()) {
                return {option.name, std::move(fault)};
            }
        }
        if (rule_.sid == 0) {
            return {"sid", "is missing"};
        }
        rule_.severity = priority_ != 0 ? priority_ : class_severity(rule_.class_type);
        return chains_.finish(rule_.chains);
    }

    OptionRemarks remarks;

  private:
    std::string parse(const OptionText& option) {
        if (const auto fault = parse_identity(option)) {
            return *fault;
        }
        if (const auto fault = parse_test(option)) {
            return *fault;
        }
        if (const auto fault = parse_state(option)) {
            return *fault;
        }
        if (is_meaningless(option.name)) {
            return "";
        }
        if (const auto fault = parse_buffer(option)) {
            return *fault;
        }
        const std::string_view known = unsupported_reason(option.name);
        return std::string(known.empty() ? "is not an option that is supported" : known);
    }

    // nullopt: not one of these options.
    std::optional<std::string> parse_identity(const OptionText& option) {
        if (option.name == "sid") {
            return parse_number(option.value, 1, rule_.sid);
        }
        if (option.name == "gid") {
            return parse_number(option.value, 1, rule_.gid);
        }
        if (option.name == "rev") {
            return parse_number(option.value, 0, rule_.rev);
        }
        if (option.name == "priority") {
            return parse_number(option.value, 1, priority_);
        }
        if (option.name == "msg") {
            rule_.message = unquote(option.value);
            return "";
        }
        if (option.name == "classtype") {
            rule_.class_type = unquote(option.value);
            return "";
        }
        if (option.name == "reference") {
            rule_.references.push_back(option.value);
            return "";
        }
        if (option.name == "flow") {
            return parse_flow(option.value);
        }
        if (option.name == "service") {
            return parse_service(option.value);
        }
        return std::nullopt;
    }

    std::optional<std::string> parse_test(const OptionText& option) {
        const std::string_view name = option.name;
        if (name == "content") {
            return chains_.add_content(option.value);
        }
        if (name == "uricontent") {
            return chains_.add_uricontent(option.value);
        }
        if (name == "pcre") {
            return chains_.add_pcre(option.value);
        }
        if (name == "isdataat") {
            return chains_.add_data_at(option.value);
        }
        const bool snort3 = syntax_ == Syntax::snort3;
        if (name == "dsize" || name == (snort3 ? "bufferlen" : "bsize") || (name == "urilen" && !snort3)) {
            return chains_.add_length(name, option.value);
        }
        if (name == "flags") {
            BufferOption test;
            std::string fault = parse_tcp_flags(option.value, test);
            chains_.add_packet_test(std::move(test));
            return fault;
        }
        if (is_content_modifier(name)) {
            return snort3 ? std::string("belongs inside of content in this rule's syntax")
                          : chains_.modify(name, option.value);
        }
        return std::nullopt;
    }

    // What needs to remember other packets.
    std::optional<std::string> parse_state(const OptionText& option) {
        if (option.name == "flowbits") {
            const bool suricata = syntax_ == Syntax::classic && dialect_ == api::Dialect::suricata;
            return parse_flowbits(option.value, suricata, rule_);
        }
        if (option.name == "noalert") {
            rule_.alerts = false;
            return "";
        }
        if (option.name == "threshold" || option.name == "detection_filter") {
            return parse_threshold(option.name, option.value, rule_.threshold);
        }
        return std::nullopt;
    }

    std::optional<std::string> parse_buffer(const OptionText& option) {
        if (auto sticky = sticky_buffer(option.name)) {
            if (syntax_ == Syntax::snort3 && option.name != "pkt_data") {
                return "is Suricata's, in a rule of Snort 3 syntax";
            }
            chains_.select(std::move(*sticky));
            return "";
        }
        auto buffer = http_buffer(option.name, option.value);
        if (!buffer) {
            return std::nullopt;
        }
        if (syntax_ == Syntax::snort3) {
            chains_.select(std::move(*buffer));
            return "";
        }
        return option.has_value ? "takes no value in this rule's syntax"
                                : chains_.move_to(std::move(*buffer));
    }

    std::string parse_flow(std::string_view value) {
        while (!value.empty()) {
            const std::size_t end = std::min(value.find(','), value.size());
            const std::string word = lower_case(trim(value.substr(0, end)));
            value.remove_prefix(std::min(end + 1, value.size()));
            if (word == "to_server" || word == "from_client") {
                rule_.direction = api::RuleDirection::to_server;
            } else if (word == "to_client" || word == "from_server") {
                rule_.direction = api::RuleDirection::to_client;
            } else if (word == "established") {
                rule_.established = api::RuleEstablished::yes;
            } else if (word == "not_established") {
                rule_.established = api::RuleEstablished::no;
            } else if (word == "only_stream") {
                remarks.stream_only = true;
            } else if (word == "no_stream") {
                remarks.packet_only = true;
            } else if (word != "stateless") {
                return "has '" + word + "', which is not supported";
            }
        }
        return "";
    }

    std::string parse_service(std::string_view value) {
        while (!value.empty()) {
            const std::size_t end = std::min(value.find(','), value.size());
            const std::string word = lower_case(trim(value.substr(0, end)));
            value.remove_prefix(std::min(end + 1, value.size()));
            remarks.service_http |= word == "http";
        }
        return "";
    }

    Syntax syntax_;
    api::Dialect dialect_;
    ChainBuilder chains_;
    Rule& rule_;
    std::uint32_t priority_ = 0;
};

}  // namespace

Syntax detect_syntax(const RuleParts& parts, api::Dialect dialect) {
    bool snort3 = parts.header.size() == 2;
    bool classic = false;
    bool content_seen = false;
    for (const OptionText& option : parts.options) {
        if (has_snort3_content(option)) {
            return Syntax::snort3;
        }
        content_seen |= option.name == "content" || option.name == "uricontent" || option.name == "pcre";
        snort3 |= option.name == "service" || option.name == "bufferlen";
        snort3 |= is_http_buffer_name(option.name) && (!content_seen || option.has_value);
        classic |= option.name != "pkt_data" && sticky_buffer(option.name).has_value();
        classic |= is_content_modifier(option.name) || option.name == "uricontent" ||
                   option.name == "urilen" || option.name.starts_with("http.");
    }
    if (classic) {
        return Syntax::classic;
    }
    return snort3 || dialect == api::Dialect::snort3 ? Syntax::snort3 : Syntax::classic;
}

OptionFault parse_options(const std::vector<OptionText>& options, Syntax syntax, api::Dialect dialect,
                          Rule& rule, OptionRemarks& remarks) {
    OptionParser parser(syntax, dialect, rule);
    OptionFault fault = parser.run(options);
    remarks = parser.remarks;
    return fault;
}

}  // namespace picket::rules
