#include "tests/reference/message_maker.h"

#include <algorithm>

#include "tests/reference/pattern_example.h"

namespace picket::reference {
namespace {

using api::RuleBuffer;

// Where the chains' texts go.
struct Draft {
    std::string method = "GET";
    std::string uri;
    std::string lines;
    std::string body;
    std::string status = "200";
    std::string reason = "OK";
    bool has_host = false;
};

void put(std::string& text, std::size_t at, const std::string& piece) {
    while (text.size() < at) {
        text += 'f';
    }
    text.replace(at, at == text.size() ? 0 : piece.size(), piece);
}

// A text over which the chain may hold.
std::string text_for(const rules::OptionChain& chain, Random& random) {
    std::string text;
    std::size_t end = 0;
    for (const rules::BufferOption& option : chain.options) {
        if ((option.flags & api::option_negated) != 0) {
            continue;
        }
        const bool relative = (option.flags & api::option_relative) != 0;
        const bool bounded = (option.flags & api::option_bounded) != 0;
        const long from = static_cast<long>(relative ? end : 0) + option.from;
        const auto least = static_cast<std::size_t>(std::clamp(from, 0L, 4000L));
        if (option.kind == api::RuleOptionKind::content || option.kind == api::RuleOptionKind::pcre) {
            const bool is_pcre = option.kind == api::RuleOptionKind::pcre;
            const std::string piece = is_pcre ? pattern_example(option.bytes, random) : option.bytes;
            const std::size_t at = is_pcre || !bounded ? std::max(least, text.size()) : least;
            put(text, is_pcre ? text.size() : at, piece);
            end = std::min(text.size(), (is_pcre ? text.size() : at + piece.size()));
        } else if (option.kind == api::RuleOptionKind::length ||
                   option.kind == api::RuleOptionKind::data_at ||
                   option.kind == api::RuleOptionKind::packet_size) {
            put(text, std::max(text.size(), least), "");
        }
    }
    return text;
}

std::string encoded(const std::string& text, api::Dialect dialect) {
    static const char digits[] = "0123456789ABCDEF";
    std::string uri;
    for (const char byte : text) {
        const auto value = static_cast<unsigned char>(byte);
        const bool plain =
            value > 0x20 && value < 0x7f && byte != '%' && (byte != '+' || dialect == api::Dialect::suricata);
        uri += plain ? std::string(1, byte) : std::string{'%', digits[value >> 4], digits[value & 15]};
    }
    return uri;
}

std::string one_line(std::string text) {
    std::erase_if(text, [](char byte) { return byte == '\n' || byte == '\r'; });
    return text;
}

std::string header_lines(std::string text) {
    text.erase(0, std::min(text.find_first_not_of("\r\n"), text.size()));
    return text.empty() || text.ends_with("\r\n") ? text : text + "\r\n";
}

void put_header(Draft& draft, const std::string& name, const std::string& value) {
    draft.lines += name + ": " + one_line(value) + "\r\n";
}

void place(Draft& draft, const rules::OptionChain& chain, api::Dialect dialect, Random& random) {
    const std::string text = text_for(chain, random);
    switch (chain.buffer) {
        case RuleBuffer::method:
            draft.method = text.empty() ? draft.method : one_line(text);
            break;
        case RuleBuffer::uri:
            draft.uri += encoded(text, dialect);
            break;
        case RuleBuffer::raw_uri:
        case RuleBuffer::line:
        case RuleBuffer::start:
            draft.uri += one_line(text);
            break;
        case RuleBuffer::host:
        case RuleBuffer::raw_host:
            draft.has_host = true;
            put_header(draft, "Host", text);
            break;
        case RuleBuffer::user_agent:
            put_header(draft, "User-Agent", text);
            break;
        case RuleBuffer::referer:
            put_header(draft, "Referer", text);
            break;
        case RuleBuffer::cookie:
            put_header(draft, "Cookie", text);
            put_header(draft, "Set-Cookie", text);
            break;
        case RuleBuffer::field:
            put_header(draft, chain.field, text);
            break;
        case RuleBuffer::body:
        case RuleBuffer::raw_body:
            draft.body += dialect == api::Dialect::suricata ? text : encoded(text, dialect);
            break;
        case RuleBuffer::stat_code:
            draft.status = text.empty() ? draft.status : one_line(text);
            break;
        case RuleBuffer::stat_msg:
            draft.reason = one_line(text);
            break;
        case RuleBuffer::request:
            (random.one_in(2) ? draft.uri : draft.lines) +=
                random.one_in(2) ? one_line(text) : header_lines(text);
            draft.lines += draft.lines.empty() || draft.lines.ends_with("\r\n") ? "" : "\r\n";
            break;
        default:
            draft.lines += header_lines(text);
            break;
    }
}

std::string request_text(Draft draft, Random& random) {
    if (draft.uri.empty() || (draft.uri.front() != '/' && !random.one_in(4))) {
        draft.uri.insert(0, "/");
    }
    std::string text =
        draft.method + " " + one_line(draft.uri) + (random.one_in(8) ? " HTTP/1.0" : " HTTP/1.1");
    const std::string host = draft.has_host || random.one_in(4) ? "" : "Host: www.example.org\r\n";
    const std::string accept = random.one_in(2) ? "" : "Accept: */*\r\n";
    return text + "\r\n" + (random.one_in(2) ? host + draft.lines : draft.lines + host) + accept + "\r\n" +
           draft.body;
}

api::Address address_in(const rules::AddressSet& set, Random& random) {
    if (set.any || set.ranges.empty()) {
        const std::uint8_t bytes[] = {192, 0, 2, static_cast<std::uint8_t>(random.below(256))};
        return api::ipv4_mapped(bytes);
    }
    const api::AddressRange& range = set.ranges[random.below(set.ranges.size())];
    return random.one_in(2) ? range.first : range.last;
}

std::uint16_t port_in(const rules::PortSet& set, std::uint16_t otherwise, Random& random) {
    if (set.any || set.ranges.empty()) {
        return otherwise;
    }
    const api::PortRange& range = set.ranges[random.below(set.ranges.size())];
    const auto off = static_cast<std::uint16_t>(random.one_in(16) ? 1 : 0);  // just outside of it
    return static_cast<std::uint16_t>(random.one_in(2) ? range.first - off : range.last + off);
}

match::FlowEnds ends_for(const rules::Rule& rule, Random& random) {
    match::FlowEnds ends;
    ends.source = address_in(rule.source_addresses, random);
    ends.destination = address_in(rule.destination_addresses, random);
    ends.source_port = port_in(rule.source_ports, 40000, random);
    ends.destination_port = port_in(rule.destination_ports, 80, random);
    ends.protocol = rule.kind == api::RuleKind::payload && !rule.tcp ? 17 : 6;
    ends.established = rule.established != api::RuleEstablished::no;
    ends.to_server = rule.direction != api::RuleDirection::to_client;
    if (rule.both_ways && random.one_in(2)) {
        std::swap(ends.source, ends.destination);
        std::swap(ends.source_port, ends.destination_port);
    }
    return ends;
}

std::uint8_t flags_for(const rules::Rule& rule) {
    for (const rules::OptionChain& chain : rule.chains) {
        for (const rules::BufferOption& option : chain.options) {
            if (option.kind == api::RuleOptionKind::tcp_flags) {
                return static_cast<std::uint8_t>(option.from & 0xff);
            }
        }
    }
    return 0x18;
}

}  // namespace

RawMessage message_for(const rules::Rule& rule, api::Dialect dialect, Random& random) {
    RawMessage message;
    message.ends = ends_for(rule, random);
    message.in_one_packet = !random.one_in(4);
    message.body_cut = random.one_in(4);
    message.tcp_flags = flags_for(rule);
    if (rule.kind == api::RuleKind::payload) {
        for (const rules::OptionChain& chain : rule.chains) {
            message.text += text_for(chain, random);
        }
        return message;
    }
    Draft draft;
    for (const rules::OptionChain& chain : rule.chains) {
        place(draft, chain, dialect, random);
    }
    message.text = rule.phases == api::rule_at_response
                       ? "HTTP/1.1 " + draft.status + " " + draft.reason + "\r\n" + draft.lines + "\r\n"
                       : request_text(std::move(draft), random);
    return message;
}

}  // namespace picket::reference
