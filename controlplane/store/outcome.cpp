#include "controlplane/store/outcome.h"

#include <algorithm>

#include "controlplane/store/protocol_text.h"

namespace picket::store {

namespace {

// The responder sent nothing (or nothing that answers): has the flow been waited out?
FlowOutcome silent(const StoredFlow& flow) noexcept {
    if ((flow.flags & api::flow_icmp_quoted) != 0 &&
        !api::is_icmp_advice(!flow.source.is_ipv4(), flow.icmp_error)) {
        return FlowOutcome::unreachable;
    }
    if (flow.is_live() || (flow.flags & api::flow_cut_short)) return FlowOutcome::pending;
    return FlowOutcome::no_reply;
}

FlowOutcome tcp_outcome(const StoredFlow& flow) noexcept {
    using api::ConnState;
    const auto& back = flow.directions[1];
    if (flow.responder_sent_payload()) return FlowOutcome::answered;
    // Bytes that the peer acknowledged and we never saw may have been the answer.
    if (back.lost_bytes > 0) return FlowOutcome::unknown;
    switch (flow.state) {
        case ConnState::s0:
        case ConnState::rstos0:
            return silent(flow);
        case ConnState::rej:
            return FlowOutcome::refused;
        case ConnState::rstr:
            return FlowOutcome::reset;
        case ConnState::s1:
            return flow.is_live() || (flow.flags & api::flow_cut_short) ? FlowOutcome::pending
                                                                        : FlowOutcome::connected;
        case ConnState::sf:
        case ConnState::s2:
        case ConnState::s3:
        case ConnState::rsto:
            return FlowOutcome::connected;
        case ConnState::rstrh:
        case ConnState::sh:
        case ConnState::shr:
        case ConnState::oth:
            break;
    }
    return FlowOutcome::unknown;
}

}  // namespace

FlowOutcome outcome_of(const StoredFlow& flow) noexcept {
    if (flow.is_imported()) {
        const bool answered = flow.protocol != protocol_tcp && flow.directions[1].packets > 0;
        return answered ? FlowOutcome::answered : FlowOutcome::unknown;
    }
    if (flow.protocol == protocol_tcp) return tcp_outcome(flow);
    return flow.directions[1].packets > 0 ? FlowOutcome::answered : silent(flow);
}

std::optional<FlowOutcome> parse_outcome(std::string_view text) noexcept {
    const auto* found = std::find(outcome_texts.begin(), outcome_texts.end(), text);
    if (found == outcome_texts.end()) return std::nullopt;
    return static_cast<FlowOutcome>(found - outcome_texts.begin());
}

bool is_unanswered(const StoredFlow& flow) noexcept {
    if (flow.is_imported()) return false;  // foreign logs tell one direction a record
    const auto& back = flow.directions[1];
    return flow.protocol == protocol_tcp ? !flow.responder_sent_payload() : back.packets == 0;
}

}  // namespace picket::store
