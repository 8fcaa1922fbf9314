// What became of a flow's attempt to reach its responder, as far as the flow itself shows it.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "controlplane/store/stored_flow.h"

namespace picket::store {

enum class FlowOutcome : std::uint8_t {
    no_reply,     // the responder sent nothing
    refused,      // RST to a SYN
    reset,        // the responder reset the connection before it answered
    unreachable,  // an ICMP error (but for advice on size or route) quoted the flow, nothing else came
    connected,    // handshake, no answer
    answered,     // the responder sent payload (TCP), or a packet (other protocols)
    pending,      // not waited out yet: the flow is live, or the input ended before its timeout
    unknown,      // loss or a one-way view
};

inline constexpr std::array<std::string_view, 8> outcome_texts{
    "no-reply", "refused", "reset", "unreachable", "connected", "answered", "pending", "unknown"};

FlowOutcome outcome_of(const StoredFlow& flow) noexcept;
std::optional<FlowOutcome> parse_outcome(std::string_view text) noexcept;

// True if the responder gave no answer: no payload byte (TCP), no packet (other protocols). A refusal or a
// bare handshake is not an answer.
bool is_unanswered(const StoredFlow& flow) noexcept;

}  // namespace picket::store
