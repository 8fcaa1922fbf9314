// What decides how the answer to a request is framed (RFC 9112 §6.3) and whose turn it is to be answered,
// kept in two bits for each of the newest 16 requests of a flow.
#pragma once

#include <cstdint>
#include <string_view>

#include "dataplane/flow/flow_entry.h"
#include "dataplane/http/body_skipper.h"
#include "dataplane/http/message_head.h"

namespace picket::http {

enum class RequestKind : std::uint8_t {
    other,
    head,
    connect,
    earlier,  // of a flow joined midstream: sent before all that were seen before it; of any method
};

inline constexpr std::uint32_t kinds_kept = 16;

[[nodiscard]] inline RequestKind kind_of(std::string_view method) noexcept {
    return method == "HEAD"      ? RequestKind::head
           : method == "CONNECT" ? RequestKind::connect
                                 : RequestKind::other;
}

inline void note_kind(flow::ColdFlow& cold, std::uint32_t request, RequestKind kind) noexcept {
    const unsigned shift = request % kinds_kept * 2;
    cold.request_kinds = (cold.request_kinds & ~(3u << shift)) | static_cast<unsigned>(kind) << shift;
}

[[nodiscard]] inline RequestKind kind_of(const flow::ColdFlow& cold, std::uint32_t request) noexcept {
    if (cold.requests - request > kinds_kept) return RequestKind::other;
    return static_cast<RequestKind>(cold.request_kinds >> request % kinds_kept * 2 & 3);
}

// The number of the request that is answered at that turn. Those that came earlier each come before all with
// lower numbers.
[[nodiscard]] inline std::uint32_t at_turn(const flow::ColdFlow& cold, std::uint32_t turn) noexcept {
    if (cold.requests > kinds_kept) return turn;
    std::uint32_t earlier = 0;
    while (earlier + 1 < cold.requests && kind_of(cold, earlier + 1) == RequestKind::earlier) ++earlier;
    return turn <= earlier ? earlier - turn : turn;
}

// The body of a response that is not interim.
[[nodiscard]] inline BodySkipper body_of(const ResponseHead& head, RequestKind kind) noexcept {
    if (kind == RequestKind::head || head.status == 204 || head.status == 304) return {};
    if (head.chunked) return BodySkipper::chunked();
    if (head.content_length < 0) return BodySkipper::until_close();
    return BodySkipper::sized(static_cast<std::uint64_t>(head.content_length));
}

}  // namespace picket::http
