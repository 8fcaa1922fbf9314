// The texts that rules look into, made the slow and obvious way: strings, copies, one loop a buffer.
//
// Shares no code with dataplane/match: only the views that the http stage hands over are the same. Not
// thread-safe: a text is made when it is asked for first. Sources: docs/rules.md (Options, Requests and
// responses, What matches).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/rules/rule.h"
#include "dataplane/match/flow_ends.h"

namespace picket::reference {

std::string lower_case(std::string text);

struct Text {
    std::string bytes;
    std::string lower;
    bool cut = false;  // the buffer has, or may have, more bytes than these
};
using MaybeText = std::optional<Text>;  // nothing: the message has no such buffer

// A request, a response, or a packet's payload. The view's bytes must outlive it.
class Message {
  public:
    explicit Message(const match::RequestView& request);
    explicit Message(const match::PayloadView& payload);

    [[nodiscard]] const MaybeText& buffer(const rules::OptionChain& chain) const;
    // Each header as "Name: value".
    [[nodiscard]] const std::vector<Text>& header_lines() const;

    [[nodiscard]] api::RuleKind kind() const { return kind_; }
    [[nodiscard]] std::uint8_t phases() const { return request_.phases; }
    [[nodiscard]] const match::FlowEnds& ends() const;
    // Bytes of the packet's payload; nothing if no packet holds the whole request.
    [[nodiscard]] std::optional<std::uint32_t> packet_size() const;
    [[nodiscard]] std::uint8_t tcp_flags() const { return payload_.tcp_flags; }

  private:
    [[nodiscard]] std::optional<std::string> make(api::RuleBuffer buffer) const;
    [[nodiscard]] bool is_response() const { return (request_.phases & api::rule_at_response) != 0; }

    api::RuleKind kind_;
    match::RequestView request_;
    match::PayloadView payload_;
    mutable std::array<std::optional<MaybeText>, api::rule_buffer_count> made_;
    mutable std::map<std::string, MaybeText> fields_;
    mutable std::optional<std::vector<Text>> header_lines_;
};

}  // namespace picket::reference
