// A rule evaluator written for clarity only: no filter, no batch, no blob, no shared code with
// dataplane/match.
//
// It takes the parsed rule and tries every combination of positions, the slow way round: each option maps the
// set of positions that are possible before it to those that are possible after it.
#pragma once

#include <cctype>
#include <cstddef>
#include <optional>
#include <set>
#include <string>

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

// Headers as "Name: value\r\n" already; only Cookie has to go.
inline std::string naive_header(std::string_view raw) {
    std::string header;
    std::string rest(raw.substr(0, raw.size() - 2));
    while (!rest.empty()) {
        const std::size_t end = rest.find("\r\n");
        if (naive_lower(rest.substr(0, 7)) != "cookie:") {
            header += rest.substr(0, end + 2);
        }
        rest.erase(0, end + 2);
    }
    return header;
}

inline std::optional<std::string> naive_buffer(const rules::OptionChain& chain, const RequestView& request) {
    const auto present = [](std::string_view text) {
        return text.data() == nullptr ? std::nullopt : std::optional(std::string(text));
    };
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
            const std::string header = naive_header(request.headers);
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
            return present(request.cookie);
        case api::RuleBuffer::user_agent:
            return present(request.user_agent);
        case api::RuleBuffer::referer:
            return present(request.referer);
        case api::RuleBuffer::host:
            return request.host.data() == nullptr
                       ? std::nullopt
                       : std::optional(
                             naive_lower(std::string(request.host.substr(0, request.host.find(':')))));
        default:
            return std::nullopt;
    }
}

// Addresses and ports are not looked at: for rules that take any.
inline bool naive_matches(const rules::Rule& rule, const RequestView& request) {
    for (const rules::OptionChain& chain : rule.chains) {
        const auto text = naive_buffer(chain, request);
        if (!text || (chain.empty_is_absent && text->empty())) {
            return false;
        }
        Positions positions{0};
        for (const rules::BufferOption& option : chain.options) {
            if (option.kind == api::RuleOptionKind::packet_size) {
                if (request.packet_size < static_cast<std::uint32_t>(option.from) ||
                    request.packet_size > static_cast<std::uint32_t>(option.to)) {
                    return false;
                }
                continue;
            }
            positions = after_option(option, *text, positions);
        }
        if (positions.empty()) {
            return false;
        }
    }
    return true;
}

}  // namespace picket::match
