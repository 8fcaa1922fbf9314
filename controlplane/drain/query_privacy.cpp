#include "controlplane/drain/query_privacy.h"

#include <algorithm>
#include <fstream>
#include <random>
#include <utility>

#include "controlplane/rules/content_key.h"

namespace picket::drain {

namespace {

constexpr std::size_t hash_digits = 16;

std::string random_key() {
    std::random_device random;
    std::string key;
    for (unsigned i = 0; i < 4; ++i) key += std::to_string(random()) + " ";
    return key;
}

bool is_token(char byte) noexcept {  // RFC 9110, 5.6.2
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           (byte != 0 && std::string_view("!#$%&'*+-.^_`|~").find(byte) != std::string_view::npos);
}

// Empty lines may come first, then a method and a blank: what follows is a target.
bool is_like_request(std::string_view text) noexcept {
    text.remove_prefix(std::min(text.find_first_not_of("\r\n"), text.size()));
    const std::size_t method = text.find(' ');
    return method != std::string_view::npos && method > 0 &&
           std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(method), is_token);
}

bool is_like_response(std::string_view text) noexcept {
    return text.starts_with("HTTP/");
}

// HTTP/D or HTTP/D.D: of a target with blanks the rest is taken for the version.
bool is_version(std::string_view text) noexcept {
    if (!is_like_response(text)) return false;
    text.remove_prefix(std::string_view("HTTP/").size());
    const auto is_digit = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '9'; };
    return (text.size() == 1 && is_digit(0)) ||
           (text.size() == 3 && is_digit(0) && text[1] == '.' && is_digit(2));
}

// How many of the first payload bytes may be kept.
std::size_t kept_payload(std::string_view text, bool of_http) noexcept {
    if (is_like_request(text)) return std::min(text.find('?'), text.size());
    // Of a stream that was joined amid a request, the first bytes may be of its query.
    return of_http && !is_like_response(text) ? 0 : text.size();
}

}  // namespace

QueryPrivacy::QueryPrivacy(QueryKept kept, std::string key) : kept_(kept), key_(std::move(key)) {
    if (kept_ == QueryKept::hash && key_.empty()) key_ = random_key();
}

std::string QueryPrivacy::of_uri(std::string_view uri) const {
    const std::size_t mark = uri.find('?');
    if (kept_ == QueryKept::whole || mark == std::string_view::npos) return std::string(uri);
    std::string text(uri.substr(0, mark));
    if (kept_ == QueryKept::nothing) return text;
    rules::ContentHasher hasher;
    hasher.add(key_);
    hasher.add(uri.substr(mark + 1));
    return text + "?" + rules::hex_of(hasher.finish()).substr(0, hash_digits);
}

void QueryPrivacy::apply(store::StoredRequest& request) const {
    if (kept_ == QueryKept::whole) return;
    request.uri = of_uri(request.uri);
    request.uri_normalized = of_uri(request.uri_normalized);
    request.referer = of_uri(request.referer);
    if (!is_version(request.version)) request.version.clear();
    if (request.uri_normalized == request.uri) request.uri_normalized.clear();
}

void QueryPrivacy::apply(store::StoredFlow& flow) const noexcept {
    if (kept_ == QueryKept::whole) return;
    const bool of_http = (flow.flags & api::flow_http) != 0;
    for (auto& direction : flow.directions) {
        auto& bytes = direction.payload_first;
        const std::size_t kept = kept_payload(
            {reinterpret_cast<const char*>(bytes.data()), direction.payload_first_length}, of_http);
        if (kept == direction.payload_first_length) continue;
        std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(kept), bytes.end(), std::uint8_t{0});
        direction.payload_first_length = static_cast<std::uint8_t>(kept);
    }
}

std::string machine_key() {
    std::ifstream file("/etc/machine-id");
    std::string key;
    std::getline(file, key);
    return key;
}

}  // namespace picket::drain
