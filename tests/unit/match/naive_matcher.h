// A rule evaluator written for clarity only: no filter, no batch, no blob, no shared code with
// dataplane/match.
//
// It takes the parsed rule and tries every combination of positions, the slow way round: each option maps the
// set of positions that are possible before it to those that are possible after it.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controlplane/rules/rule.h"
#include "dataplane/match/flow_ends.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace picket::match {

using Positions = std::set<std::size_t>;

inline std::string naive_lower(std::string text) {
    for (char& byte : text) {
        byte = static_cast<char>(std::tolower(static_cast<unsigned char>(byte)));
    }
    return text;
}

inline Positions content_ends(const rules::BufferOption& option, const std::string& text, std::size_t base) {
    const bool nocase = (option.flags & api::option_nocase) != 0;
    const long from = static_cast<long>(base) + option.from;
    const long to = (option.flags & api::option_bounded) != 0 ? static_cast<long>(base) + option.to
                                                              : static_cast<long>(text.size());
    Positions ends;
    for (std::size_t at = 0; at + option.bytes.size() <= text.size(); ++at) {
        std::string piece = text.substr(at, option.bytes.size());
        const std::size_t end = at + piece.size();
        const bool in_range = static_cast<long>(at) >= from && static_cast<long>(end) <= to;
        const bool at_end = (option.flags & api::option_at_end) == 0 || end == text.size();
        if (in_range && at_end && (nocase ? naive_lower(piece) : piece) == option.bytes) {
            ends.insert(end);
        }
    }
    return ends;
}

inline Positions pcre_ends(const rules::BufferOption& option, const std::string& text, std::size_t base) {
    int fault = 0;
    PCRE2_SIZE where = 0;
    pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(option.bytes.data()), option.bytes.size(),
                                     option.pcre_options, &fault, &where, nullptr);
    pcre2_match_data* data = pcre2_match_data_create_from_pattern(code, nullptr);
    Positions ends;
    for (std::size_t start = 0; base + start <= text.size(); ++start) {
        const int result = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data() + base),
                                       text.size() - base, start, PCRE2_NO_JIT, data, nullptr);
        if (result >= 0) {
            ends.insert(base + pcre2_get_ovector_pointer(data)[1]);
        }
    }
    pcre2_match_data_free(data);
    pcre2_code_free(code);
    return ends;
}

inline Positions after_option(const rules::BufferOption& option, const std::string& text,
                              const Positions& before) {
    const bool negated = (option.flags & api::option_negated) != 0;
    const bool relative = (option.flags & api::option_relative) != 0;
    Positions after;
    for (const std::size_t position : before) {
        const std::size_t base = relative ? position : 0;
        if (option.kind == api::RuleOptionKind::content || option.kind == api::RuleOptionKind::pcre) {
            const Positions ends = option.kind == api::RuleOptionKind::content
                                       ? content_ends(option, text, base)
                                       : pcre_ends(option, text, base);
            if (!negated) {
                after.insert(ends.begin(), ends.end());
            } else if (ends.empty()) {
                after.insert(position);
            }
            continue;
        }
        const auto size = static_cast<long>(text.size());
        const bool holds = option.kind == api::RuleOptionKind::length
                               ? size >= option.from && size <= option.to
                               : static_cast<long>(base) + option.from <= size;
        if (holds != negated) {
            after.insert(position);
        }
    }
    return after;
}

// Headers as "Name: value\r\n" already, one by one.
inline std::vector<std::string> naive_lines(std::string_view raw) {
    std::vector<std::string> lines;
    std::string rest(raw.substr(0, raw.size() - 2));
    while (!rest.empty()) {
        const std::size_t end = rest.find("\r\n");
        lines.push_back(rest.substr(0, end));
        rest.erase(0, end + 2);
    }
    return lines;
}

// The values of all headers of that name.
inline std::optional<std::string> naive_values(std::string_view raw, const std::string& name) {
    std::optional<std::string> values;
    for (const std::string& line : naive_lines(raw)) {
        if (naive_lower(line.substr(0, name.size() + 1)) == name + ":") {
            values = (values ? *values + ", " : "") + line.substr(name.size() + 2);
        }
    }
    return values;
}

inline std::string naive_header(std::string_view raw, const std::string& left_out) {
    std::string header;
    for (const std::string& line : naive_lines(raw)) {
        if (naive_lower(line.substr(0, left_out.size() + 1)) != left_out + ":") {
            header += line + "\r\n";
        }
    }
    return header;
}

inline std::optional<std::string> naive_buffer(const rules::OptionChain& chain, const RequestView& request) {
    const auto present = [](std::string_view text) {
        return text.data() == nullptr ? std::nullopt : std::optional(std::string(text));
    };
    const bool is_response = (request.phases & api::rule_at_response) != 0;
    const std::string text(request.request);
    const std::string line = text.substr(0, text.find("\r\n"));
    switch (chain.buffer) {
        case api::RuleBuffer::request:
            return present(request.request);
        case api::RuleBuffer::method:
            return present(request.method);
        case api::RuleBuffer::uri:
            return present(request.normalized_uri);
        case api::RuleBuffer::raw_uri:
            return present(request.raw_uri);
        case api::RuleBuffer::header: {
            const std::string header = naive_header(request.headers, is_response ? "set-cookie" : "cookie");
            return header.empty() ? std::nullopt : std::optional(header);
        }
        case api::RuleBuffer::header_names: {
            std::string names;
            std::string rest(request.headers.substr(0, request.headers.size() - 2));
            while (!rest.empty()) {
                names += "\r\n" + rest.substr(0, rest.find(':'));
                rest.erase(0, rest.find("\r\n") + 2);
            }
            return names.empty() ? std::nullopt : std::optional(names + "\r\n\r\n");
        }
        case api::RuleBuffer::raw_header:
            return present(request.headers);
        case api::RuleBuffer::cookie:
            return is_response ? naive_values(request.headers, "set-cookie") : present(request.cookie);
        case api::RuleBuffer::user_agent:
            return present(request.user_agent);
        case api::RuleBuffer::referer:
            return present(request.referer);
        case api::RuleBuffer::host:
            return request.host.data() == nullptr
                       ? std::nullopt
                       : std::optional(
                             naive_lower(std::string(request.host.substr(0, request.host.find(':')))));
        case api::RuleBuffer::raw_host:
            return present(request.host);
        case api::RuleBuffer::body:
            return present(request.body);
        case api::RuleBuffer::raw_body:
            return present(request.raw_body);
        case api::RuleBuffer::line:
            return line;
        case api::RuleBuffer::start:
            return text.substr(0, text.find("\r\n\r\n") + 4);
        case api::RuleBuffer::protocol:
            return "HTTP/1.1";
        case api::RuleBuffer::stat_code:
            return is_response ? std::optional(line.substr(9, 3)) : std::nullopt;
        case api::RuleBuffer::stat_msg:
            return is_response ? std::optional(line.substr(13)) : std::nullopt;
        default:
            return std::nullopt;
    }
}

inline bool naive_chain_holds(const rules::OptionChain& chain, const std::optional<std::string>& text,
                              std::uint32_t packet_size) {
    if (!text || (chain.empty_is_absent && text->empty())) {
        return false;
    }
    Positions positions{0};
    for (const rules::BufferOption& option : chain.options) {
        if (option.kind == api::RuleOptionKind::packet_size) {
            if (packet_size < static_cast<std::uint32_t>(option.from) ||
                packet_size > static_cast<std::uint32_t>(option.to)) {
                return false;
            }
            continue;
        }
        positions = after_option(option, *text, positions);
    }
    return !positions.empty();
}

// Addresses and ports are not looked at: for rules that take any. REQUIRES: a body is there whole.
inline bool naive_matches(const rules::Rule& rule, const RequestView& request) {
    if ((rule.phases & request.phases) == 0) {
        return false;
    }
    return std::ranges::all_of(rule.chains, [&](const rules::OptionChain& chain) {
        if (chain.buffer != api::RuleBuffer::header_line) {
            return naive_chain_holds(chain, naive_buffer(chain, request), request.packet_size);
        }
        return std::ranges::any_of(naive_lines(request.headers), [&](const std::string& line) {
            return naive_chain_holds(chain, line, request.packet_size);
        });
    });
}

}  // namespace picket::match
