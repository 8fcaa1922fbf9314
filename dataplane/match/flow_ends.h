// What the matcher is shown of a packet: its two ends, one HTTP request, or one payload. Views only; their
// bytes must stay valid during the call that they are passed to.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "dataplane/api/abi.h"
#include "dataplane/api/rule_blob.h"

namespace picket::match {

// Ends of the packet or request as it travelled: source sent it. For a request the source is the client.
struct FlowEnds {
    api::Address source;
    api::Address destination;
    std::uint16_t source_port = 0;  // host byte order
    std::uint16_t destination_port = 0;
    std::uint8_t protocol = 6;  // 6 TCP, 17 UDP
    bool established = true;    // both directions seen, or midstream; always true for requests
    bool to_server = true;      // the packet goes from initiator to responder; always true for requests
};

inline constexpr std::uint32_t no_packet = 0xffffffff;

// One HTTP request, or one response. A view whose data() is null means: the request has no such part
// (absent), which is not the same as an empty one.
struct RequestView {
    FlowEnds ends;
    std::string_view method;
    std::string_view raw_uri;         // request target as on the wire
    std::string_view normalized_uri;  // http::normalize_uri(raw_uri, RuleSet::dialect())
    std::string_view host;            // as on the wire: value of Host, or authority of an absolute target
    std::string_view user_agent;
    std::string_view referer;
    std::string_view cookie;   // value of the Cookie header; null in a response
    std::string_view headers;  // header block after the request line, as on the wire
    // normalize_headers(headers) would change nothing but leave out Cookie: http::RequestHead::plain_headers.
    bool plain_headers = false;
    std::uint32_t packet_size =
        no_packet;             // payload of the packet that holds all of it; no_packet: none does
    std::string_view request;  // the request's bytes as on the wire, from its line to the end of what is at
                               // hand; only rules that mix URI and plain contents look at it
    // The first bytes of the body, as rules see it and as on the wire without chunk framing.
    std::string_view body;
    std::string_view raw_body;
    bool body_cut = false;  // the body has more bytes than these, or may have

    // Which rules the view is judged by (api::rule_phases). With rule_at_response it is of a response: then
    // ends.source is the server, `request` the response's line and headers as on the wire, and all other
    // texts but `headers` are absent.
    std::uint8_t phases = api::rule_at_head;
};

struct PayloadView {
    FlowEnds ends;
    std::span<const std::uint8_t> payload;  // layer-4 payload, as far as it was captured
    std::uint32_t packet_size = 0;          // all of it
    std::uint8_t tcp_flags = 0;
};

// Called once for each rule that matches: index in the span that was passed, rule index of the rule set.
struct HitSink {
    void (*call)(void* context, std::uint32_t index, std::uint32_t rule) noexcept = nullptr;
    void* context = nullptr;
};

}  // namespace picket::match
