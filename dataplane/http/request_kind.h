// What decides how the answer to a request is framed (RFC 9112 §6.3) and whose turn it is to be answered,
// kept in three bits for each of the newest ten requests of a flow.
#pragma once

#include <cstdint>
#include <string_view>

#include "dataplane/flow/flow_entry.h"
#include "dataplane/http/body_skipper.h"
#include "dataplane/http/message_head.h"

namespace picket::http {

enum class RequestKind : std::uint8_t { other, head, connect };

inline constexpr std::uint32_t kinds_kept = 10;
inline constexpr unsigned kind_bits = 3;
inline constexpr std::uint32_t kind_earlier = 4;  // sent before all that were seen before it

[[nodiscard]] inline RequestKind kind_of(std::string_view method) noexcept {
    return method == "HEAD"      ? RequestKind::head
           : method == "CONNECT" ? RequestKind::connect
                                 : RequestKind::other;
}

// earlier: of a flow joined midstream, and sent before all that were seen before it.
inline void note_kind(flow::ColdFlow& cold, std::uint32_t request, RequestKind kind, bool earlier) noexcept {
    const unsigned shift = request % kinds_kept * kind_bits;
    const std::uint32_t bits = static_cast<std::uint32_t>(kind) | (earlier ? kind_earlier : 0);
    cold.request_kinds = (cold.request_kinds & ~(7u << shift)) | bits << shift;
}

// REQUIRES: request is one of the newest ten.
[[nodiscard]] inline std::uint32_t kind_bits_of(const flow::ColdFlow& cold, std::uint32_t request) noexcept {
    return cold.request_kinds >> request % kinds_kept * kind_bits & 7;
}
[[nodiscard]] inline RequestKind kind_of(const flow::ColdFlow& cold, std::uint32_t request) noexcept {
    if (cold.requests - request > kinds_kept) return RequestKind::other;
    return static_cast<RequestKind>(kind_bits_of(cold, request) & 3);
}

// The number of the request that is answered at that turn, from 0: first those that were sent earlier, the
// newest of them first, then the others in their order.
[[nodiscard]] inline std::uint32_t at_turn(const flow::ColdFlow& cold, std::uint32_t turn) noexcept {
    if (cold.requests > kinds_kept) return turn;
    const auto is_earlier = [&](std::uint32_t request) {
        return (kind_bits_of(cold, request) & kind_earlier) != 0;
    };
    std::uint32_t earlier = 0;
    for (std::uint32_t request = 0; request < cold.requests; ++request)
        earlier += is_earlier(request) ? 1 : 0;
    if (earlier == 0) return turn;
    const bool front = turn < earlier;
    std::uint32_t left = front ? earlier - 1 - turn : turn - earlier;
    for (std::uint32_t request = 0; request < cold.requests; ++request) {
        if (is_earlier(request) == front && left-- == 0) return request;
    }
    return turn;
}

// The body of a response that is not interim.
[[nodiscard]] inline BodySkipper body_of(const ResponseHead& head, RequestKind kind) noexcept {
    if (kind == RequestKind::head || head.status == 204 || head.status == 304) return {};
    if (head.chunked) return BodySkipper::chunked();
    if (head.content_length < 0) return BodySkipper::until_close();
    return BodySkipper::sized(static_cast<std::uint64_t>(head.content_length));
}

}  // namespace picket::http
