#include "dataplane/http/message_head.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace picket::http {
namespace {

constexpr std::array<bool, 256> token_bytes = [] {
    std::array<bool, 256> is_token{};
    for (unsigned byte = '0'; byte <= '9'; ++byte) is_token[byte] = true;
    for (unsigned byte = 'a'; byte <= 'z'; ++byte) is_token[byte] = is_token[byte - 'a' + 'A'] = true;
    for (const char byte : std::string_view("!#$%&'*+-.^_`|~"))
        is_token[static_cast<unsigned char>(byte)] = true;
    return is_token;
}();

bool is_token_byte(char byte) noexcept {
    return token_bytes[static_cast<unsigned char>(byte)];
}

bool is_capital(char letter) noexcept {
    return letter >= 'A' && letter <= 'Z';
}

char lower(char letter) noexcept {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter | 0x20) : letter;
}

bool equals_nocase(std::string_view left, std::string_view right_lower) noexcept {
    return left.size() == right_lower.size() && std::equal(left.begin(), left.end(), right_lower.begin(),
                                                           [](char a, char b) { return lower(a) == b; });
}

bool starts_nocase(std::string_view text, std::string_view prefix_lower) noexcept {
    return text.size() >= prefix_lower.size() &&
           equals_nocase(text.substr(0, prefix_lower.size()), prefix_lower);
}

std::string_view trimmed(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

std::size_t leading_empty_lines(std::string_view text) noexcept {
    std::size_t at = 0;
    while (at < text.size() && at < 4 && (text[at] == '\r' || text[at] == '\n')) ++at;
    return at;
}

// One line, without its end; `next` is where the next one begins. False if the line does not end in text.
bool take_line(std::string_view text, std::size_t from, std::string_view& line, std::size_t& next) noexcept {
    const std::size_t end = text.find('\n', from);
    if (end == std::string_view::npos) return false;
    next = end + 1;
    line = text.substr(from, end - from);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    return true;
}

// What the whole of a text that begins with "token " may begin a target with.
bool may_begin_target(char byte) noexcept {
    return byte == '/' || byte == '*' || byte == 'h' || byte == 'H';
}

// "HTTP/1.1" at the end.
bool ends_with_version(std::string_view text) noexcept {
    constexpr std::string_view like = "HTTP/1.1";
    if (text.size() < like.size()) return false;
    const std::string_view end = text.substr(text.size() - like.size());
    const auto is_digit = [](char byte) { return byte >= '0' && byte <= '9'; };
    return end.starts_with("HTTP/") && is_digit(end[5]) && end[6] == '.' && is_digit(end[7]);
}

// "METHOD target HTTP/1.1"; a target may contain spaces, so the version is what follows the last one.
bool parse_request_line(std::string_view line, RequestHead& head) noexcept {
    const std::size_t method_end = line.find(' ');
    if (method_end == std::string_view::npos) return false;
    head.method = line.substr(0, method_end);
    std::string_view rest = trimmed(line.substr(method_end));
    const std::size_t last = rest.rfind(" HTTP/");
    if (last != std::string_view::npos) {
        head.version = rest.substr(last + 1);
        rest = trimmed(rest.substr(0, last));
    }
    if (last == std::string_view::npos && ends_with_version(rest)) {
        // No target, or no space before the version: then nobody knows where the one ends.
        if (rest.starts_with("HTTP/")) {
            head.version = rest;
            rest = rest.substr(0, 0);
        }
        head.target = rest;
        return is_capital(head.method.front());
    }
    head.target = rest;
    if (rest.empty()) return false;
    if (head.version.data() != nullptr) return true;
    const bool known = head.method == "GET" || head.method == "HEAD" || head.method == "POST";
    return known && (rest.front() == '/' || starts_nocase(rest, "http://"));
}

// The field, if the value is its first.
std::string_view* set_once(std::string_view& field, std::string_view value) noexcept {
    if (field.data() != nullptr) return nullptr;
    field = value;
    return &field;
}

void parse_length(std::string_view value, std::int64_t& length) noexcept {
    std::int64_t parsed = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), parsed);
    if (error == std::errc{} && parsed >= 0 && length < 0) length = parsed;
}

// Chunked frames the body only as the last coding (RFC 9112 §6.1).
bool ends_chunked(std::string_view value) noexcept {
    constexpr std::string_view coding = "chunked";
    return value.size() >= coding.size() && equals_nocase(value.substr(value.size() - coding.size()), coding);
}

bool is_blank(char byte) noexcept {
    return byte == ' ' || byte == '\t';
}

// A line that ends in CRLF and that normalising would leave as it is. REQUIRES: line is not empty.
bool is_plain_line(std::string_view line, std::size_t colon, char before_line_feed) noexcept {
    if (before_line_feed != '\r' || is_blank(line.front()) || is_blank(line.back())) return false;
    if (colon == std::string_view::npos) return true;
    return colon > 0 && !is_blank(line[colon - 1]) && colon + 2 < line.size() && line[colon + 1] == ' ' &&
           !is_blank(line[colon + 2]);
}

// Returns the text that a folded line would go on with, if it is one that is kept.
std::string_view* parse_request_field(std::string_view line, std::size_t colon, RequestHead& head) noexcept {
    if (colon == std::string_view::npos) return nullptr;
    const std::string_view name = trimmed(line.substr(0, colon));
    const std::string_view value = trimmed(line.substr(colon + 1));
    switch (name.size()) {
        case 4:
            if (equals_nocase(name, "host")) return set_once(head.host, value);
            break;
        case 6:
            if (equals_nocase(name, "cookie")) return set_once(head.cookie, value);
            break;
        case 7:
            if (equals_nocase(name, "referer")) return set_once(head.referer, value);
            break;
        case 10:
            if (equals_nocase(name, "user-agent")) return set_once(head.user_agent, value);
            break;
        default:
            parse_framing(name, value, head.framing);
            break;
    }
    return nullptr;
}

void host_from_target(RequestHead& head) noexcept {
    if (head.host.data() != nullptr) return;
    const std::size_t scheme = head.target.find("://");
    if (scheme == std::string_view::npos || scheme > 8 || head.target.front() == '/') return;
    const std::string_view rest = head.target.substr(scheme + 3);
    head.host = rest.substr(0, rest.find_first_of("/?"));
}

}  // namespace

void parse_framing(std::string_view name, std::string_view value, Framing& framing) noexcept {
    if (name.size() == 14 && equals_nocase(name, "content-length"))
        parse_length(value, framing.content_length);
    if (name.size() == 17 && equals_nocase(name, "transfer-encoding")) framing.chunked = ends_chunked(value);
}

void parse_framing_line(std::string_view line, Framing& framing) noexcept {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    parse_framing(trimmed(line.substr(0, colon)), trimmed(line.substr(colon + 1)), framing);
}

bool may_begin_request(std::string_view text) noexcept {
    std::size_t at = leading_empty_lines(text);
    const std::size_t begin = at;
    while (at < text.size() && is_token_byte(text[at])) ++at;
    const std::size_t length = at - begin;
    if (length == 0 || length > method_length_max) return false;
    // "HTTP/1.1 200" is a response; a method is followed by a space, or by the next segment.
    if (at == text.size()) return true;
    if (text[at] != ' ') return false;
    return is_capital(text[begin]) || at + 1 == text.size() || may_begin_target(text[at + 1]);
}

bool shows_request(std::string_view text) noexcept {
    const std::size_t begin = leading_empty_lines(text);
    if (begin == text.size()) return false;
    return is_capital(text[begin]) || text.find(' ') != std::string_view::npos;
}

HeadStatus parse_request_head(std::string_view text, RequestHead& head) noexcept {
    head = RequestHead{};
    if (!may_begin_request(text)) return HeadStatus::not_a_message;
    std::size_t next = leading_empty_lines(text);
    std::string_view line;
    if (!take_line(text, next, line, next)) return HeadStatus::incomplete;
    if (!parse_request_line(line, head)) return HeadStatus::not_a_message;
    head.line_complete = true;
    head.length = next;
    if (head.version.data() == nullptr) {
        host_from_target(head);
        return HeadStatus::complete;
    }
    const std::size_t headers_begin = next;
    head.headers = text.substr(headers_begin);
    bool plain = true;
    std::string_view* folded = nullptr;
    while (take_line(text, next, line, next)) {
        head.length = next;
        if (line.empty()) {
            head.headers = text.substr(headers_begin, next - headers_begin);
            head.plain_headers = plain;
            host_from_target(head);
            return HeadStatus::complete;
        }
        const std::size_t colon = line.find(':');
        plain = plain && is_plain_line(line, colon, text[next - 2]);
        if (!is_blank(line.front())) {
            folded = parse_request_field(line, colon, head);
        } else if (folded != nullptr && folded->data() != nullptr) {  // RFC 9112 §5.2
            const char* end = line.data() + line.size();
            *folded = trimmed({folded->data(), static_cast<std::size_t>(end - folded->data())});
        }
    }
    host_from_target(head);
    return HeadStatus::incomplete;
}

void parse_endless_line(std::string_view text, RequestHead& head) noexcept {
    text.remove_prefix(leading_empty_lines(text));
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos) return;
    const std::string_view target = trimmed(text.substr(space));
    const bool begins = !target.empty() && (target.front() == '/' || target.front() == '*');
    if (!begins && !starts_nocase(target, "http")) return;
    head.method = text.substr(0, space);
    head.target = target;
    head.line_complete = true;
}

bool may_begin_response(std::string_view text) noexcept {
    constexpr std::string_view line_begin = "HTTP/1.1 200 ";
    constexpr std::string_view protocol = "HTTP/";
    if (text.empty() || text.size() >= line_begin.size()) return text.starts_with(protocol);
    return protocol.starts_with(text.substr(0, protocol.size()));
}

bool parse_response_head(std::string_view text, ResponseHead& head) noexcept {
    head = ResponseHead{};
    if (!text.starts_with("HTTP/")) return false;
    std::size_t next = 0;
    std::string_view line = text;
    const bool whole = take_line(text, 0, line, next);
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos || space > 9 || line.size() < space + 4) return false;
    for (std::size_t i = space + 1; i < space + 4; ++i) {
        if (line[i] < '0' || line[i] > '9') return false;
        head.status = static_cast<std::uint16_t>(head.status * 10 + (line[i] - '0'));
    }
    if (head.status < 100) return false;
    head.text = text;
    if (!whole) return true;
    const std::size_t headers_begin = next;
    head.headers = text.substr(headers_begin);
    Framing framing;
    while (take_line(text, next, line, next)) {
        if (line.empty()) {
            head.length = next;
            head.text = text.substr(0, next);
            head.headers = head.text.substr(headers_begin);
            break;
        }
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        const std::string_view name = line.substr(0, colon);
        const std::string_view value = trimmed(line.substr(colon + 1));
        if (name.size() == 12 && equals_nocase(name, "content-type")) set_once(head.content_type, value);
        parse_framing(name, value, framing);
    }
    head.content_length = framing.content_length;
    head.chunked = framing.chunked;
    return true;
}

}  // namespace picket::http
