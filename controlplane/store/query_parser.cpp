#include "controlplane/store/query_parser.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "controlplane/store/protocol_text.h"
#include "controlplane/store/time_text.h"

namespace picket::store {

namespace {

// State of one parse: addresses of repeated options are gathered before they become sets.
class Parser {
  public:
    Parser(const QueryContext& context, Query& query) : context_(context), query_(query) {}

    std::optional<Problem> parse(const Parameters& parameters) {
        using Handler = std::optional<Problem> (Parser::*)(const std::string&);
        static const std::map<std::string, Handler, std::less<>> handlers{
            {"since", &Parser::since},
            {"until", &Parser::until},
            {"host", &Parser::host},
            {"ips", &Parser::ips},
            {"src", &Parser::source},
            {"dst", &Parser::destination},
            {"port", &Parser::port},
            {"sport", &Parser::source_port},
            {"dport", &Parser::destination_port},
            {"proto", &Parser::protocol},
            {"vlan", &Parser::vlan},
            {"watch", &Parser::watch},
            {"rule", &Parser::rule},
            {"uri", &Parser::uri},
            {"status", &Parser::status},
            {"outcome", &Parser::outcome},
            {"unanswered", &Parser::unanswered},
            {"min_packets", &Parser::packets_min},
            {"min_bytes", &Parser::bytes_min},
            {"limit", &Parser::limit},
            {"sort", &Parser::sort},
            {"records", &Parser::records},
            {"count_ends", &Parser::count_ends},
            {"shape", &Parser::shape},
            {"interval", &Parser::interval},
            {"by", &Parser::group_by},
        };
        for (const auto& [name, value] : parameters) {
            name_ = name;
            const auto handler = handlers.find(name);
            if (handler == handlers.end()) return unknown();
            if (auto problem = (this->*handler->second)(value)) return problem;
        }
        return finish();
    }

  private:
    using Result = std::optional<Problem>;

    [[nodiscard]] Result bad(const std::string& value, std::string why, std::string remedy) const {
        return Problem{"'" + value.substr(0, 200) + "' is not usable", "parameter " + name_, std::move(why),
                       std::move(remedy)};
    }
    [[nodiscard]] Result unknown() const {
        return Problem{"unknown parameter '" + name_.substr(0, 100) + "'", "query", "no filter has this name",
                       "see docs/http_api.md for the names"};
    }

    template <typename Number>
    Result number(const std::string& text, std::optional<Number>& out) const {
        Number value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc{} || end != text.data() + text.size()) {
            return bad(text,
                       "it is not a number from 0 to " + std::to_string(std::numeric_limits<Number>::max()),
                       "give a decimal number");
        }
        out = value;
        return {};
    }

    Result time(const std::string& text, std::optional<std::uint64_t>& out) const {
        out = parse_time(text, context_.now_ns);
        if (out) return {};
        return bad(text, "it is not a time", "write 2003-08-22T19:09:54Z, 15:09:54 or -2h");
    }

    Result flag(const std::string& text, bool& out) const {
        out = text.empty() || text == "1" || text == "true";
        if (out || text == "0" || text == "false") return {};
        return bad(text, "it is neither yes nor no", "write 1 or 0");
    }

    Result list(const std::string& name, Networks& out) const {
        out = context_.watch_list ? context_.watch_list(name) : nullptr;
        if (out) return {};
        return Problem{"there is no watch list '" + name.substr(0, 100) + "'",
                       "parameter " + name_,
                       "none of this name is loaded",
                       "load it with 'picket watch load " + name.substr(0, 63) + " FILE'",
                       404,
                       2};
    }

    // An address, a network, or @LIST.
    Result networks(const std::string& text, std::vector<Network>& out) const {
        if (!text.empty() && text.front() == '@') {
            Networks named;
            if (auto problem = list(text.substr(1), named)) return problem;
            out.insert(out.end(), named->entries().begin(), named->entries().end());
            return {};
        }
        const auto network = parse_network(text);
        if (!network)
            return bad(text, "it is not an address, a network or @LIST",
                       "write 192.0.2.7, 10.0.0.0/8 or @NAME");
        out.push_back(*network);
        return {};
    }

    Result since(const std::string& text) { return time(text, query_.since_ns); }
    Result until(const std::string& text) { return time(text, query_.until_ns); }
    Result host(const std::string& text) { return networks(text, hosts_); }
    Result source(const std::string& text) { return networks(text, sources_); }
    Result destination(const std::string& text) { return networks(text, destinations_); }
    Result ips(const std::string& text) {
        std::vector<NetworkLine> rejects;
        const auto parsed = parse_network_lines(text, rejects);
        if (!rejects.empty()) {
            return bad(rejects.front().text,
                       "line " + std::to_string(rejects.front().line) + " is not an address or network",
                       "write one address or network a line");
        }
        ips_given_ = true;
        hosts_.insert(hosts_.end(), parsed.begin(), parsed.end());
        return {};
    }
    Result watch(const std::string& text) {
        return list(!text.empty() && text.front() == '@' ? text.substr(1) : text, query_.watch);
    }
    Result port(const std::string& text) { return number(text, query_.port); }
    Result source_port(const std::string& text) { return number(text, query_.source_port); }
    Result destination_port(const std::string& text) { return number(text, query_.destination_port); }
    Result vlan(const std::string& text) { return number(text, query_.vlan); }
    Result status(const std::string& text) { return number(text, query_.status); }
    Result limit(const std::string& text) { return number(text, query_.limit); }
    Result packets_min(const std::string& text) { return minimum(text, query_.packets_min); }
    Result bytes_min(const std::string& text) { return minimum(text, query_.bytes_min); }
    Result unanswered(const std::string& text) { return flag(text, query_.unanswered); }
    Result records(const std::string& text) { return flag(text, query_.records); }
    Result count_ends(const std::string& text) { return flag(text, query_.counts_ends); }

    Result minimum(const std::string& text, std::uint64_t& out) const {
        std::optional<std::uint64_t> value;
        if (auto problem = number(text, value)) return problem;
        out = *value;
        return {};
    }
    Result protocol(const std::string& text) {
        query_.protocol = parse_protocol(text);
        if (query_.protocol) return {};
        return bad(text, "it is not an IP protocol",
                   "write tcp, udp, icmp, icmpv6 or a number from 0 to 255");
    }
    Result rule(const std::string& text) {
        RuleId id;
        const auto colon = text.find(':');
        if (colon != std::string::npos) {
            if (auto problem = number(text.substr(0, colon), id.gid)) return problem;
        }
        std::optional<std::uint32_t> sid;
        if (auto problem = number(colon == std::string::npos ? text : text.substr(colon + 1), sid))
            return problem;
        id.sid = *sid;
        query_.rule = id;
        return {};
    }
    Result uri(const std::string& text) {
        std::string error;
        query_.uri = UriPattern::compile(text, error);
        return query_.uri ? Result{} : bad(text, error, "give a Perl-compatible regular expression");
    }
    Result outcome(const std::string& text) {
        query_.outcome = parse_outcome(text);
        if (query_.outcome) return {};
        return bad(text, "it is not an outcome",
                   "write no-reply, refused, reset, unreachable, connected, answered, pending or unknown");
    }
    Result sort(const std::string& text) {
        static constexpr std::array<std::string_view, 5> names{"first", "last", "packets", "bytes",
                                                               "duration"};
        std::string_view name = text;
        const bool reversed = !name.empty() && name.front() == '-';
        if (reversed) name.remove_prefix(1);
        if (name == "time") name = "first";
        const auto* found = std::find(names.begin(), names.end(), name);
        if (found == names.end()) {
            return bad(text, "nothing is sorted by it",
                       "write first, last, packets, bytes or duration, with - to reverse");
        }
        query_.sort = static_cast<SortKey>(found - names.begin());
        query_.sorted = true;
        // Times rise, amounts fall: what one wants to see first.
        const bool amount = query_.sort >= SortKey::packets;
        query_.descending = amount != reversed;
        return {};
    }
    Result shape(const std::string& text) {
        static constexpr std::array<std::string_view, 5> names{"rows", "sum", "talkers", "timeline", "by"};
        const auto* found = std::find(names.begin(), names.end(), text);
        if (found == names.end())
            return bad(text, "it is not a shape", "write rows, sum, talkers, timeline or by");
        query_.shape = static_cast<Shape>(found - names.begin());
        return {};
    }
    Result interval(const std::string& text) {
        const auto duration = parse_duration(text);
        if (!duration || *duration < 1'000'000)
            return bad(text, "it is not an interval", "write 10m, 1h, 30s or 1d");
        query_.interval_ns = *duration;
        return {};
    }
    Result group_by(const std::string& text) {
        static constexpr std::array<std::string_view, 5> names{"source", "destination", "rule", "port",
                                                               "payload"};
        const auto* found = std::find(names.begin(), names.end(), text);
        if (found == names.end())
            return bad(text, "nothing is grouped by it", "write source, destination, rule, port or payload");
        query_.group_by = static_cast<GroupBy>(found - names.begin());
        return {};
    }

    Result finish() {
        if (!hosts_.empty() || ips_given_) query_.hosts = std::make_shared<NetworkSet>(hosts_);
        if (!sources_.empty()) query_.source = std::make_shared<NetworkSet>(sources_);
        if (!destinations_.empty()) query_.destination = std::make_shared<NetworkSet>(destinations_);
        if (query_.shape == Shape::timeline && query_.interval_ns == 0) query_.interval_ns = 600'000'000'000;
        if (query_.since_ns && query_.until_ns && *query_.since_ns > *query_.until_ns) {
            return Problem{"the interval ends before it begins", "parameters since and until",
                           format_time(*query_.since_ns) + " is after " + format_time(*query_.until_ns),
                           "swap them, or give dates with the times"};
        }
        return {};
    }

    const QueryContext& context_;
    Query& query_;
    std::string name_;
    std::vector<Network> hosts_;
    std::vector<Network> sources_;
    std::vector<Network> destinations_;
    bool ips_given_ = false;
};

}  // namespace

std::optional<Problem> parse_query(const Parameters& parameters, const QueryContext& context, Query& query) {
    return Parser(context, query).parse(parameters);
}

}  // namespace picket::store
