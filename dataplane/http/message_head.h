// Heads of HTTP messages as a tap sees them: tolerant of what real clients and scanners send.
//
// Pure functions over memory, safe on any bytes, no allocation. Views point into the text that was passed.
// Sources: RFC 9112 §2.2 (empty lines before a request, bare LF), §3 (request line), §4 (status line),
// RFC 1945 §4.1 (simple requests without a version).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace picket::http {

enum class HeadStatus : std::uint8_t {
    complete,       // the empty line was found, or the request has no version and its line is whole
    incomplete,     // it can become a head with more bytes
    not_a_message,  // it cannot
};

// What the header fields say of the body (RFC 9112 §6).
struct Framing {
    std::int64_t content_length = -1;  // -1 if absent
    bool chunked = false;              // and then the length does not count
};
void parse_framing(std::string_view name, std::string_view value, Framing& framing) noexcept;
// A whole header line, without its end.
void parse_framing_line(std::string_view line, Framing& framing) noexcept;

// A part that the message lacks has a null data(), which is not the same as an empty one.
struct RequestHead {
    std::string_view method;
    std::string_view target;   // as on the wire
    std::string_view version;  // "HTTP/1.1"; null for a request without one
    std::string_view host;     // Host, or the authority of an absolute target
    std::string_view user_agent;
    std::string_view referer;
    std::string_view cookie;
    std::string_view headers;  // all header lines, up to and with the empty line if it was seen
    // The head is whole, each line is "Name: value\r\n" with no other white space around name and value, and
    // none is folded: what nearly all clients send. Rules then see it as it is (match::normalize_headers).
    bool plain_headers = false;
    std::size_t length = 0;  // of the head: lines and empty line, leading empty lines too
    bool line_complete = false;
    Framing framing;
};

// How long a method may be: any token (RFC 9110 §5.6.2).
inline constexpr std::size_t method_length_max = 32;

// Whether text can be the beginning of a request; a cheap test for every payload. A method that does not
// begin with a capital must be followed by what may begin a target.
[[nodiscard]] bool may_begin_request(std::string_view text) noexcept;

// Whether there is more to it than a word in lower case. REQUIRES: may_begin_request(text).
[[nodiscard]] bool shows_request(std::string_view text) noexcept;

// Whether text can be the beginning of a response, however short it is.
[[nodiscard]] bool may_begin_response(std::string_view text) noexcept;

// Parses as much of the head as there is. With incomplete, and line_complete set, the fields seen so far are
// valid.
[[nodiscard]] HeadStatus parse_request_head(std::string_view text, RequestHead& head) noexcept;

// A request line that has not ended within a buffer: its method and what there is of its target, if the
// target begins as one does ('/', '*' or "http"). Sets line_complete then.
void parse_endless_line(std::string_view text, RequestHead& head) noexcept;

struct ResponseHead {
    std::string_view text;  // status line and header lines, as far as they go in this text
    std::string_view
        headers;  // the header lines, as RequestHead::headers; null if the status line has no end
    std::uint16_t status = 0;
    bool chunked = false;
    std::size_t length = 0;            // of the head, 0 if it does not end in this text
    std::string_view content_type;     // null if absent or not in this text
    std::int64_t content_length = -1;  // -1 if absent or not in this text
};

// A status line at the beginning of text; header fields as far as the text goes.
[[nodiscard]] bool parse_response_head(std::string_view text, ResponseHead& head) noexcept;

}  // namespace picket::http
