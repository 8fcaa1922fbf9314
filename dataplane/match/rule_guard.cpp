#include "dataplane/match/rule_guard.h"

#include <algorithm>
#include <string>

#include "dataplane/match/find_text.h"
#include "dataplane/match/rule_tables.h"

namespace picket::match {
namespace {

void narrow_by_length(LengthBounds& bounds, const api::RuleOption& option) {
    bounds.min = std::max(bounds.min, static_cast<std::uint32_t>(std::max(option.from, 0)));
    bounds.max = std::min(bounds.max, static_cast<std::uint32_t>(std::max(option.to, 0)));
    // A length that nothing can have, a<>a, stays impossible.
}

std::uint8_t methods_with(std::string_view name, bool nocase) {
    std::uint8_t methods = method_other;
    const auto holds = [&](std::string_view method) {
        return (nocase ? find_caseless(method, name) : method.find(name)) != std::string_view::npos;
    };
    methods = static_cast<std::uint8_t>(methods | (holds("GET") ? method_get : 0));
    return static_cast<std::uint8_t>(methods | (holds("POST") ? method_post : 0));
}

void add_option(RuleGuard& guard, api::RuleBuffer buffer, const api::RuleOption& option,
                std::string_view bytes) {
    const bool is_length = option.kind == api::RuleOptionKind::length;
    if ((option.flags & api::option_negated) != 0 ||
        (!is_length && option.kind != api::RuleOptionKind::content)) {
        return;
    }
    if (buffer == api::RuleBuffer::method) {
        if (!is_length) {
            guard.methods &= methods_with(bytes, (option.flags & api::option_nocase) != 0);
        }
        return;
    }
    LengthBounds& bounds = buffer == api::RuleBuffer::uri ? guard.uri : guard.raw_uri;
    if (is_length) {
        narrow_by_length(bounds, option);
    } else {
        bounds.min = std::max(bounds.min, static_cast<std::uint32_t>(bytes.size()));
        guard.signature.add(bytes);
    }
}

}  // namespace

RequestShape::RequestShape(const RequestView& request) noexcept
    : uri_length(static_cast<std::uint32_t>(request.normalized_uri.size())),
      raw_uri_length(static_cast<std::uint32_t>(request.raw_uri.size())) {
    if (request.method == "GET") {
        method = method_get;
    } else if (request.method == "POST") {
        method = method_post;
    }
}

TextSignature uri_signature(const RequestView& request) noexcept {
    TextSignature signature;
    signature.add(request.normalized_uri);
    if (request.raw_uri.data() != request.normalized_uri.data()) {
        signature.add(request.raw_uri);
    }
    return signature;
}

std::vector<RuleGuard> make_guards(const BlobView& view) {
    std::vector<RuleGuard> guards(view.rules.size());
    for (std::size_t rule = 0; rule < view.rules.size(); ++rule) {
        const api::RuleEntry& entry = view.rules[rule];
        for (const api::RuleChain& chain : view.chains.subspan(entry.chain_first, entry.chain_count)) {
            if (chain.buffer != api::RuleBuffer::uri && chain.buffer != api::RuleBuffer::raw_uri &&
                chain.buffer != api::RuleBuffer::method) {
                continue;
            }
            for (const api::RuleOption& option :
                 view.options.subspan(chain.option_first, chain.option_count)) {
                const std::string_view bytes = option.kind == api::RuleOptionKind::content
                                                   ? view.text(option.bytes_offset, option.bytes_length)
                                                   : std::string_view();
                add_option(guards[rule], chain.buffer, option, bytes);
            }
        }
    }
    return guards;
}

}  // namespace picket::match
