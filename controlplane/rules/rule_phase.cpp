#include "controlplane/rules/rule_phase.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace picket::rules {
namespace {

using api::RuleBuffer;
using api::RuleDirection;

constexpr auto request_fields = std::to_array<std::string_view>(
    {"accept", "accept-encoding", "accept-language", "cookie", "host", "referer", "user-agent"});
constexpr auto response_fields = std::to_array<std::string_view>({"location", "server", "set-cookie"});

bool has_name(std::span<const std::string_view> names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
}

// any: both kinds of message have the buffer.
RuleDirection direction_of(const OptionChain& chain) {
    if (chain.direction != RuleDirection::any) {
        return chain.direction;
    }
    switch (chain.buffer) {
        case RuleBuffer::method:
        case RuleBuffer::uri:
        case RuleBuffer::raw_uri:
        case RuleBuffer::host:
        case RuleBuffer::raw_host:
        case RuleBuffer::user_agent:
        case RuleBuffer::referer:
        case RuleBuffer::body:
        case RuleBuffer::raw_body:
            return RuleDirection::to_server;
        case RuleBuffer::stat_code:
        case RuleBuffer::stat_msg:
            return RuleDirection::to_client;
        case RuleBuffer::field:
            return has_name(request_fields, chain.field)    ? RuleDirection::to_server
                   : has_name(response_fields, chain.field) ? RuleDirection::to_client
                                                            : RuleDirection::any;
        default:
            return RuleDirection::any;
    }
}

bool any_chain(const Rule& rule, RuleBuffer buffer) {
    return std::ranges::any_of(rule.chains, [&](const OptionChain& chain) { return chain.buffer == buffer; });
}

}  // namespace

OptionFault set_phases(Rule& rule) {
    bool request = rule.direction == RuleDirection::to_server;
    bool response = rule.direction == RuleDirection::to_client;
    for (const OptionChain& chain : rule.chains) {
        const RuleDirection direction = direction_of(chain);
        request |= direction == RuleDirection::to_server;
        response |= direction == RuleDirection::to_client;
    }
    if (request && response) {
        return {"flow", "the rule mixes what only requests have with what only responses have"};
    }
    if (!request && any_chain(rule, RuleBuffer::payload)) {
        return {"content",
                "without a buffer, in a rule about responses: their bodies are not assembled "
                "(flow:to_server makes it a rule about requests)"};
    }
    const bool body = any_chain(rule, RuleBuffer::body) || any_chain(rule, RuleBuffer::raw_body);
    if (!response) {
        rule.phases |= body ? api::rule_at_body : api::rule_at_head;
    }
    if (!request) {
        rule.phases |= api::rule_at_response;
    }
    return {};
}

}  // namespace picket::rules
