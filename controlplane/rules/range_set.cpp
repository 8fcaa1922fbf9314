#include "controlplane/rules/range_set.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "controlplane/rules/rule_text.h"

namespace picket::rules {
namespace {

constexpr int nesting_max = 16;

// Known to every installation of Snort or Suricata; "any" unless the configuration says otherwise.
constexpr std::array standard_variables = std::to_array<std::string_view>(
    {"HOME_NET",       "EXTERNAL_NET", "HTTP_SERVERS", "SMTP_SERVERS",    "SQL_SERVERS",     "DNS_SERVERS",
     "TELNET_SERVERS", "SNMP_SERVERS", "FTP_SERVERS",  "SSH_SERVERS",     "SIP_SERVERS",     "POP_SERVERS",
     "IMAP_SERVERS",   "AIM_SERVERS",  "DC_SERVERS",   "DNP3_SERVER",     "DNP3_CLIENT",     "MODBUS_SERVER",
     "MODBUS_CLIENT",  "ENIP_SERVER",  "ENIP_CLIENT",  "HTTP_PORTS",      "SHELLCODE_PORTS", "ORACLE_PORTS",
     "SSH_PORTS",      "DNP3_PORTS",   "MODBUS_PORTS", "FILE_DATA_PORTS", "FTP_PORTS",       "SIP_PORTS",
     "GTP_PORTS",      "MAIL_PORTS",   "GENEVE_PORTS", "VXLAN_PORTS",     "TEREDO_PORTS",    "SMTP_PORTS"});

struct AddressKind {
    using Value = api::Address;
    using Range = api::AddressRange;
    static constexpr std::string_view noun = "address";
    static Value first() { return {}; }
    static Value last() { return last_address(); }
    static Value next(Value value) { return next_address(value); }
    static Value previous(Value value) { return previous_address(value); }
    static bool parse(std::string_view text, Range& out) {
        const std::size_t dash = text.find('-');
        if (dash == std::string_view::npos) {
            return parse_network(text, out);
        }
        Range low;
        Range high;
        if (!parse_network(trim(text.substr(0, dash)), low) || low.first != low.last ||
            !parse_network(trim(text.substr(dash + 1)), high) || high.first != high.last) {
            return false;
        }
        out = {low.first, high.last};
        return !(out.last < out.first);
    }
};

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc() || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

struct PortKind {
    using Value = std::uint16_t;
    using Range = api::PortRange;
    static constexpr std::string_view noun = "port";
    static Value first() { return 0; }
    static Value last() { return 65535; }
    static Value next(Value value) { return static_cast<Value>(value + 1); }
    static Value previous(Value value) { return static_cast<Value>(value - 1); }
    static bool parse(std::string_view text, Range& out) {
        const std::size_t colon = text.find(':');
        const std::string_view low = trim(text.substr(0, colon));
        const std::string_view high = colon == std::string_view::npos ? low : trim(text.substr(colon + 1));
        if (low.empty() && high.empty()) {
            return false;
        }
        const auto from = low.empty() ? std::optional<std::uint16_t>(0) : parse_port(low);
        const auto to = high.empty() ? std::optional<std::uint16_t>(65535) : parse_port(high);
        if (!from || !to || *to < *from) {
            return false;
        }
        out = {*from, *to};
        return true;
    }
};

template <class Kind>
class SetParser {
  public:
    using Range = typename Kind::Range;
    using Ranges = std::vector<Range>;

    explicit SetParser(const Variables& variables) : variables_(variables) {}

    std::string parse(std::string_view text, Ranges& out) { return parse_term(trim(text), out, 0); }

    static Ranges all() { return {{Kind::first(), Kind::last()}}; }

    static Ranges join(Ranges ranges) {
        std::ranges::sort(ranges, {}, &Range::first);
        Ranges joined;
        for (const Range& range : ranges) {
            const bool touches = !joined.empty() && (joined.back().last == Kind::last() ||
                                                     !(Kind::next(joined.back().last) < range.first));
            if (touches) {
                joined.back().last = std::max(joined.back().last, range.last);
            } else {
                joined.push_back(range);
            }
        }
        return joined;
    }

    static Ranges complement(const Ranges& joined) {
        Ranges rest;
        auto from = Kind::first();
        bool open = true;
        for (const Range& range : joined) {
            if (from < range.first) {
                rest.push_back({from, Kind::previous(range.first)});
            }
            open = !(range.last == Kind::last());
            if (open) {
                from = Kind::next(range.last);
            }
        }
        if (open) {
            rest.push_back({from, Kind::last()});
        }
        return rest;
    }

    static Ranges subtract(const Ranges& from, const Ranges& what) {
        Ranges result;
        for (const Range& keep : complement(what)) {
            for (const Range& range : from) {
                const auto low = std::max(keep.first, range.first);
                const auto high = std::min(keep.last, range.last);
                if (!(high < low)) {
                    result.push_back({low, high});
                }
            }
        }
        return join(std::move(result));
    }

  private:
    // A term with its negation applied.
    std::string parse_term(std::string_view text, Ranges& out, int depth) {
        if (depth > nesting_max) {
            return "is nested too deeply, or its variable refers to itself";
        }
        if (text.starts_with('!')) {
            Ranges inner;
            if (std::string fault = parse_term(trim(text.substr(1)), inner, depth + 1); !fault.empty()) {
                return fault;
            }
            out = complement(inner);
            return out.empty() ? "negates 'any', which leaves nothing; give the variable a value" : "";
        }
        if (text == "any") {
            out = all();
            return "";
        }
        if (text.starts_with('$')) {
            return parse_variable(text.substr(1), out, depth);
        }
        if (text.starts_with('[')) {
            if (!text.ends_with(']')) {
                return "has a '[' without its ']'";
            }
            return parse_list(text.substr(1, text.size() - 2), out, depth);
        }
        Range range;
        if (!Kind::parse(text, range)) {
            return "'" + std::string(text) + "' is not a valid " + std::string(Kind::noun);
        }
        out = {range};
        return "";
    }

    std::string parse_variable(std::string_view name, Ranges& out, int depth) {
        const auto found = variables_.find(std::string(name));
        if (found != variables_.end()) {
            return parse_value(trim(found->second), out, depth + 1);
        }
        if (std::ranges::find(standard_variables, name) == standard_variables.end()) {
            return "variable $" + std::string(name) + " is not defined";
        }
        out = all();
        return "";
    }

    // A variable's value may be a list without its brackets.
    std::string parse_value(std::string_view value, Ranges& out, int depth) {
        const bool is_list =
            value.find(',') != std::string_view::npos && !value.starts_with('[') && !value.starts_with("![");
        return is_list ? parse_list(value, out, depth) : parse_term(value, out, depth);
    }

    std::string parse_list(std::string_view text, Ranges& out, int depth) {
        Ranges wanted;
        Ranges excluded;
        bool has_wanted = false;
        while (true) {
            const std::size_t end = element_end(text);
            const std::string_view element = trim(text.substr(0, end));
            if (element.empty()) {
                return "has an empty list element";
            }
            const bool negated = element.starts_with('!');
            Ranges inner;
            if (std::string fault = parse_term(negated ? trim(element.substr(1)) : element, inner, depth + 1);
                !fault.empty()) {
                return fault;
            }
            has_wanted |= !negated;
            Ranges& target = negated ? excluded : wanted;
            target.insert(target.end(), inner.begin(), inner.end());
            if (end >= text.size()) {
                break;
            }
            text.remove_prefix(end + 1);
        }
        out = subtract(has_wanted ? join(std::move(wanted)) : all(), join(std::move(excluded)));
        return out.empty() ? "excludes everything that it includes" : "";
    }

    // Position of the comma that ends the first element, lists in it skipped.
    static std::size_t element_end(std::string_view text) {
        int depth = 0;
        for (std::size_t at = 0; at < text.size(); ++at) {
            if (text[at] == '[') {
                ++depth;
            } else if (text[at] == ']') {
                --depth;
            } else if (text[at] == ',' && depth == 0) {
                return at;
            }
        }
        return text.size();
    }

    const Variables& variables_;
};

template <class Kind, class Set>
std::string parse_set(std::string_view text, const Variables& variables, Set& out) {
    std::vector<typename Kind::Range> ranges;
    std::string fault = SetParser<Kind>(variables).parse(text, ranges);
    if (fault.empty()) {
        out.any = ranges.size() == 1 && ranges[0].first == Kind::first() && ranges[0].last == Kind::last();
        out.ranges = out.any ? std::vector<typename Kind::Range>() : std::move(ranges);
    }
    return fault;
}

}  // namespace

api::Address last_address() {
    api::Address address;
    address.bytes.fill(0xff);
    return address;
}

api::Address next_address(api::Address address) {
    for (std::size_t at = address.bytes.size(); at-- > 0 && ++address.bytes[at] == 0;) {
    }
    return address;
}

api::Address previous_address(api::Address address) {
    for (std::size_t at = address.bytes.size(); at-- > 0 && address.bytes[at]-- == 0;) {
    }
    return address;
}

bool parse_network(std::string_view text, api::AddressRange& out) {
    const std::size_t slash = text.find('/');
    const std::string host(text.substr(0, slash));
    api::Address address;
    std::array<std::uint8_t, 4> ipv4{};
    unsigned bits_before = 0;
    if (inet_pton(AF_INET, host.c_str(), ipv4.data()) == 1) {
        address = api::ipv4_mapped(ipv4.data());
        bits_before = 96;
    } else if (inet_pton(AF_INET6, host.c_str(), address.bytes.data()) != 1) {
        return false;
    }
    unsigned bits = 128;
    if (slash != std::string_view::npos) {
        const std::string_view length = text.substr(slash + 1);
        unsigned value = 0;
        const auto [end, fault] = std::from_chars(length.data(), length.data() + length.size(), value);
        if (fault != std::errc() || end != length.data() + length.size() || value > 128 - bits_before) {
            return false;
        }
        bits = bits_before + value;
    }
    out = {address, address};
    for (unsigned bit = bits; bit < 128; ++bit) {
        const auto mask = static_cast<std::uint8_t>(0x80 >> (bit % 8));
        out.first.bytes[bit / 8] &= static_cast<std::uint8_t>(~mask);
        out.last.bytes[bit / 8] |= mask;
    }
    return true;
}

std::vector<api::AddressRange> join_ranges(std::vector<api::AddressRange> ranges) {
    return SetParser<AddressKind>::join(std::move(ranges));
}

std::string parse_addresses(std::string_view text, const Variables& variables, AddressSet& out) {
    return parse_set<AddressKind>(text, variables, out);
}

std::string parse_ports(std::string_view text, const Variables& variables, PortSet& out) {
    return parse_set<PortKind>(text, variables, out);
}

}  // namespace picket::rules
