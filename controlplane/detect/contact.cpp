#include "controlplane/detect/contact.h"

#include <string_view>

#include "controlplane/store/outcome.h"
#include "controlplane/store/protocol_text.h"

namespace picket::detect {
namespace {

constexpr std::uint16_t echo_request = 8 << 8;
constexpr std::uint16_t echo_request_v6 = 128 << 8;

bool is_echo(const store::StoredFlow& flow) noexcept {
    if (flow.protocol == store::protocol_icmp) return flow.destination_port == echo_request;
    return flow.protocol == store::protocol_icmpv6 && flow.destination_port == echo_request_v6;
}

// Datagrams that shall not arrive: low TTLs, and the ports that traceroute counts up from.
bool traces_route(const store::StoredFlow& flow) noexcept {
    constexpr std::uint16_t port_first = 33434;
    constexpr std::uint16_t port_last = port_first + 255;
    constexpr std::uint8_t hops_max = 30;
    return flow.protocol == store::protocol_udp && flow.destination_port >= port_first &&
           flow.destination_port <= port_last && flow.directions[0].ttl_max <= hops_max;
}

// Told by the data plane only if nothing had come back by then.
bool had_third_syn(const store::StoredFlow& flow) noexcept {
    constexpr std::uint64_t syns_told = 3;
    return flow.protocol == store::protocol_tcp && flow.directions[0].packets >= syns_told &&
           flow.directions[1].packets == 0;
}

// The initiator's own SYN was seen: a SYN-ACK or RST out of nothing is an answer to somebody.
bool begins_with_syn(const store::StoredFlow& flow) noexcept {
    return std::string_view(flow.history.data()).find('S') != std::string_view::npos;
}

Contact ends_of(const store::StoredFlow& flow, bool echo) noexcept {
    Contact contact;
    contact.source = flow.source;
    contact.destination = flow.destination;
    contact.time_ns = flow.start_ns;
    contact.port = echo ? 0 : flow.destination_port;
    contact.protocol = flow.protocol;
    return contact;
}

}  // namespace

std::optional<Contact> contact_of(const store::StoredFlow& flow) noexcept {
    const bool tcp = flow.protocol == store::protocol_tcp;
    const bool echo = is_echo(flow);
    if (tcp ? !begins_with_syn(flow) : flow.protocol != store::protocol_udp && !echo) return std::nullopt;
    if (traces_route(flow)) return std::nullopt;
    Contact contact = ends_of(flow, echo);
    const auto outcome = store::outcome_of(flow);
    switch (outcome) {
        case store::FlowOutcome::no_reply:
        case store::FlowOutcome::refused:
        case store::FlowOutcome::unreachable:
            contact.failed = true;
            contact.told_before = had_third_syn(flow);
            contact.timed_out = outcome == store::FlowOutcome::no_reply && !contact.told_before;
            return contact;
        case store::FlowOutcome::reset:
        case store::FlowOutcome::connected:
        case store::FlowOutcome::answered:
            return contact;
        case store::FlowOutcome::pending:
            // Somebody is there if anything has come back.
            if (flow.directions[1].packets != 0) return contact;
            contact.failed = true;
            contact.told_before = had_third_syn(flow);
            if (contact.told_before) return contact;
            if ((flow.flags & api::flow_cut_short) == 0) return std::nullopt;
            contact.waiting_since_ns = flow.last_ns;
            return contact;
        case store::FlowOutcome::unknown:
            break;
    }
    return std::nullopt;
}

Contact attempt_of(const store::StoredFlow& flow) noexcept {
    Contact contact = ends_of(flow, false);
    contact.failed = true;
    return contact;
}

}  // namespace picket::detect
