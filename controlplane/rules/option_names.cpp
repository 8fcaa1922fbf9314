#include "controlplane/rules/option_names.h"

#include <algorithm>
#include <array>
#include <utility>

namespace picket::rules {
namespace {

using api::RuleBuffer;

struct NamedBuffer {
    std::string_view name;
    RuleBuffer buffer;
    std::string_view field;
    api::RuleDirection direction = api::RuleDirection::any;
};

constexpr auto to_server = api::RuleDirection::to_server;
constexpr auto to_client = api::RuleDirection::to_client;

constexpr auto sticky_names = std::to_array<NamedBuffer>({
    {"http.uri", RuleBuffer::uri, ""},
    {"http.uri.raw", RuleBuffer::raw_uri, ""},
    {"http.method", RuleBuffer::method, ""},
    {"http.header", RuleBuffer::header, ""},
    {"http.header.raw", RuleBuffer::raw_header, ""},
    {"http.user_agent", RuleBuffer::user_agent, ""},
    {"http.host", RuleBuffer::host, ""},
    {"http.cookie", RuleBuffer::cookie, ""},
    {"http.referer", RuleBuffer::referer, ""},
    {"http.accept", RuleBuffer::field, "accept"},
    {"http.accept_enc", RuleBuffer::field, "accept-encoding"},
    {"http.accept_lang", RuleBuffer::field, "accept-language"},
    {"http.connection", RuleBuffer::field, "connection"},
    {"http.content_type", RuleBuffer::field, "content-type"},
    {"http.content_len", RuleBuffer::field, "content-length"},
    {"http.header_names", RuleBuffer::header_names, ""},
    {"http.host.raw", RuleBuffer::raw_host, ""},
    {"http.request_body", RuleBuffer::body, ""},
    {"http.request_line", RuleBuffer::line, "", to_server},
    {"http.response_line", RuleBuffer::line, "", to_client},
    {"http.request_header", RuleBuffer::header_line, "", to_server},
    {"http.response_header", RuleBuffer::header_line, "", to_client},
    {"http.start", RuleBuffer::start, ""},
    {"http.protocol", RuleBuffer::protocol, ""},
    {"http.stat_code", RuleBuffer::stat_code, ""},
    {"http.stat_msg", RuleBuffer::stat_msg, ""},
    {"http.server", RuleBuffer::field, "server"},
    {"http.location", RuleBuffer::field, "location"},
    {"pkt_data", RuleBuffer::payload, ""},
    // Suricata's older names of the same.
    {"http_referer", RuleBuffer::referer, ""},
    {"http_accept", RuleBuffer::field, "accept"},
    {"http_accept_enc", RuleBuffer::field, "accept-encoding"},
    {"http_accept_lang", RuleBuffer::field, "accept-language"},
    {"http_connection", RuleBuffer::field, "connection"},
    {"http_content_type", RuleBuffer::field, "content-type"},
    {"http_content_len", RuleBuffer::field, "content-length"},
    {"http_header_names", RuleBuffer::header_names, ""},
    {"http_request_line", RuleBuffer::line, "", to_server},
    {"http_response_line", RuleBuffer::line, "", to_client},
    {"http_protocol", RuleBuffer::protocol, ""},
    {"http_start", RuleBuffer::start, ""},
});

constexpr auto http_names = std::to_array<NamedBuffer>({
    {"http_uri", RuleBuffer::uri, ""},
    {"http_raw_uri", RuleBuffer::raw_uri, ""},
    {"http_method", RuleBuffer::method, ""},
    {"http_header", RuleBuffer::header, ""},
    {"http_raw_header", RuleBuffer::raw_header, ""},
    {"http_user_agent", RuleBuffer::user_agent, ""},
    {"http_host", RuleBuffer::host, ""},
    {"http_cookie", RuleBuffer::cookie, ""},
    {"http_client_body", RuleBuffer::body, ""},
    {"http_raw_body", RuleBuffer::raw_body, ""},
    {"http_raw_host", RuleBuffer::raw_host, ""},
    {"http_stat_code", RuleBuffer::stat_code, ""},
    {"http_stat_msg", RuleBuffer::stat_msg, ""},
});

constexpr auto pcre_flags = std::to_array<std::pair<char, RuleBuffer>>({
    {'U', RuleBuffer::uri},
    {'I', RuleBuffer::raw_uri},
    {'H', RuleBuffer::header},
    {'D', RuleBuffer::raw_header},
    {'M', RuleBuffer::method},
    {'C', RuleBuffer::cookie},
    {'V', RuleBuffer::user_agent},
    {'W', RuleBuffer::host},
    {'Z', RuleBuffer::raw_host},
    {'P', RuleBuffer::body},
    {'S', RuleBuffer::stat_code},
    {'Y', RuleBuffer::stat_msg},
});

constexpr auto meaningless_names = std::to_array<std::string_view>(
    {"metadata", "fast_pattern", "target", "rem", "prefilter", "created_at", "updated_at"});

constexpr std::string_view needs_state = "only flowbits are kept, of one flow";
constexpr std::string_view needs_response = "bodies of responses are not assembled";
constexpr std::string_view not_supported = "not supported";

constexpr auto unsupported_names = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"flowint", needs_state},
    {"xbits", needs_state},
    {"hostbits", needs_state},
    {"byte_test", not_supported},
    {"byte_jump", not_supported},
    {"byte_extract", not_supported},
    {"byte_math", not_supported},
    {"base64_decode", not_supported},
    {"base64_data", not_supported},
    {"lua", not_supported},
    {"luajit", not_supported},
    {"tag", "packets are not logged"},
    {"file_data", needs_response},
    {"file.data", needs_response},
    {"http_server_body", needs_response},
    {"http.response_body", needs_response},
});

// classification.config as Snort 2.9, Snort 3 and Suricata ship it (priorities 1 to 4).
constexpr auto class_types = std::to_array<std::pair<std::string_view, std::uint32_t>>({
    {"attempted-user", 1},
    {"unsuccessful-user", 1},
    {"successful-user", 1},
    {"attempted-admin", 1},
    {"successful-admin", 1},
    {"shellcode-detect", 1},
    {"trojan-activity", 1},
    {"web-application-attack", 1},
    {"inappropriate-content", 1},
    {"policy-violation", 1},
    {"kickass-porn", 1},
    {"file-format", 1},
    {"malware-cnc", 1},
    {"client-side-exploit", 1},
    {"targeted-activity", 1},
    {"exploit-kit", 1},
    {"domain-c2", 1},
    {"credential-theft", 1},
    {"command-and-control", 1},
    {"social-engineering", 2},
    {"coin-mining", 2},
    {"external-ip-check", 2},
    {"pup-activity", 2},
    {"attempted-recon", 2},
    {"successful-recon-limited", 2},
    {"successful-recon-largescale", 2},
    {"attempted-dos", 2},
    {"successful-dos", 2},
    {"rpc-portmap-decode", 2},
    {"suspicious-filename-detect", 2},
    {"suspicious-login", 2},
    {"system-call-detect", 2},
    {"unusual-client-port-connection", 2},
    {"denial-of-service", 2},
    {"non-standard-protocol", 2},
    {"web-application-activity", 2},
    {"misc-attack", 2},
    {"default-login-attempt", 2},
    {"bad-unknown", 2},
    {"sdf", 2},
    {"not-suspicious", 3},
    {"unknown", 3},
    {"string-detect", 3},
    {"network-scan", 3},
    {"protocol-command-decode", 3},
    {"misc-activity", 3},
    {"icmp-event", 3},
    {"tcp-connection", 4},
});

template <std::size_t N>
std::optional<BufferName> find_buffer(const std::array<NamedBuffer, N>& names, std::string_view name) {
    const auto found = std::ranges::find(names, name, &NamedBuffer::name);
    if (found == names.end()) {
        return std::nullopt;
    }
    return BufferName{found->buffer, std::string(found->field), found->direction};
}

}  // namespace

std::optional<BufferName> sticky_buffer(std::string_view name) {
    return find_buffer(sticky_names, name);
}

std::optional<BufferName> http_buffer(std::string_view name, std::string_view value) {
    if (value.empty()) {
        return find_buffer(http_names, name);
    }
    if (name != "http_header" || !value.starts_with("field ")) {
        return std::nullopt;
    }
    BufferName buffer{RuleBuffer::field, std::string(value.substr(6))};
    const std::size_t begin = buffer.field.find_first_not_of(' ');
    buffer.field.erase(0, begin == std::string::npos ? buffer.field.size() : begin);
    std::ranges::transform(buffer.field, buffer.field.begin(), [](char byte) {
        return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte | 0x20) : byte;
    });
    const bool is_name = !buffer.field.empty() && buffer.field.find_first_of(" ,\t") == std::string::npos;
    return is_name && buffer.field != "cookie" ? std::optional(buffer) : std::nullopt;
}

std::string buffer_name(const BufferName& buffer) {
    if (buffer.buffer == RuleBuffer::payload) {
        return "payload";
    }
    const auto is_it = [&](const NamedBuffer& named) {
        return named.buffer == buffer.buffer && named.field == buffer.field &&
               named.direction == buffer.direction;
    };
    if (const auto* found = std::ranges::find_if(sticky_names, is_it); found != sticky_names.end()) {
        return std::string(found->name);
    }
    if (const auto* found = std::ranges::find_if(http_names, is_it); found != http_names.end()) {
        return std::string(found->name);
    }
    return buffer.buffer == RuleBuffer::field ? "http.header:" + buffer.field : "request";
}

bool is_http_buffer_name(std::string_view name) {
    return name.starts_with("http_") && !sticky_buffer(name);
}

std::optional<BufferName> pcre_buffer(char flag) {
    const auto found = std::ranges::find(pcre_flags, flag, [](const auto& pair) { return pair.first; });
    return found == pcre_flags.end() ? std::nullopt : std::optional(BufferName{found->second, ""});
}

bool is_meaningless(std::string_view name) {
    return std::ranges::find(meaningless_names, name) != meaningless_names.end();
}

std::string_view unsupported_reason(std::string_view name) {
    const auto found =
        std::ranges::find(unsupported_names, name, [](const auto& pair) { return pair.first; });
    return found == unsupported_names.end() ? std::string_view() : found->second;
}

std::uint32_t class_severity(std::string_view class_type) {
    const auto found =
        std::ranges::find(class_types, class_type, [](const auto& pair) { return pair.first; });
    return found == class_types.end() ? 3 : found->second;
}

}  // namespace picket::rules
