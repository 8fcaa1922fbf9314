// What decides how the answer to a request is framed (RFC 9112 §6.3), kept in two bits for each of the
// newest 16 requests of a flow.
#pragma once

#include <cstdint>
#include <string_view>

#include "dataplane/flow/flow_entry.h"
#include "dataplane/http/body_skipper.h"
#include "dataplane/http/message_head.h"

namespace picket::http {

enum class RequestKind : std::uint8_t { other, head, connect };

inline constexpr std::uint32_t kinds_kept = 16;

inline void note_kind(flow::ColdFlow& cold, std::uint32_t request, std::string_view method) noexcept {
    const unsigned shift = request % kinds_kept * 2;
    const auto kind = method == "HEAD"      ? RequestKind::head
                      : method == "CONNECT" ? RequestKind::connect
                                            : RequestKind::other;
    cold.request_kinds = (cold.request_kinds & ~(3u << shift)) | static_cast<unsigned>(kind) << shift;
}

[[nodiscard]] inline RequestKind kind_of(const flow::ColdFlow& cold, std::uint32_t request) noexcept {
    if (cold.requests - request > kinds_kept) return RequestKind::other;
    return static_cast<RequestKind>(cold.request_kinds >> request % kinds_kept * 2 & 3);
}

// The body of a response that is not interim.
[[nodiscard]] inline BodySkipper body_of(const ResponseHead& head, RequestKind kind) noexcept {
    if (kind == RequestKind::head || head.status == 204 || head.status == 304) return {};
    if (head.chunked) return BodySkipper::chunked();
    if (head.content_length < 0) return BodySkipper::until_close();
    return BodySkipper::sized(static_cast<std::uint64_t>(head.content_length));
}

}  // namespace picket::http
