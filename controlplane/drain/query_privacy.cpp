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

// A method and a blank: what follows is a target, as far as these few bytes tell.
bool is_like_request(std::string_view text) noexcept {
    const std::size_t method = text.find(' ');
    return method != std::string_view::npos && method > 0 &&
           std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(method),
                       [](char byte) { return byte >= 'A' && byte <= 'Z'; });
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
    if (request.uri_normalized == request.uri) request.uri_normalized.clear();
}

void QueryPrivacy::apply(store::StoredFlow& flow) const noexcept {
    if (kept_ == QueryKept::whole) return;
    for (auto& direction : flow.directions) {
        const std::string_view text(reinterpret_cast<const char*>(direction.payload_first.data()),
                                    direction.payload_first_length);
        const std::size_t mark = text.find('?');
        if (mark == std::string_view::npos || !is_like_request(text)) continue;
        std::fill(direction.payload_first.begin() + static_cast<std::ptrdiff_t>(mark),
                  direction.payload_first.end(), std::uint8_t{0});
        direction.payload_first_length = static_cast<std::uint8_t>(mark);
    }
}

std::string machine_key() {
    std::ifstream file("/etc/machine-id");
    std::string key;
    std::getline(file, key);
    return key;
}

}  // namespace picket::drain
