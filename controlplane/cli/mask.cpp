#include "controlplane/cli/mask.h"

#include <cctype>

#include "dataplane/api/setup_error.h"

namespace picket::cli {
namespace {

constexpr const char* hidden_ipv4 = "XXX.XXX.XXX.XXX";
constexpr const char* hidden_ipv6 = "XXX:XXX:XXX:XXX:XXX:XXX:XXX:XXX";

bool of_address(char c) {
    return std::isxdigit(static_cast<unsigned char>(c)) != 0 || c == '.' || c == ':';
}

}  // namespace

Mask::Mask(const std::vector<std::string>& networks) {
    for (const std::string& text : networks) {
        const auto network = config::parse_network(text);
        if (!network) {
            throw SetupError("--mask " + text, "is not a network", "write ADDRESS or ADDRESS/BITS", 2);
        }
        networks_.push_back(*network);
    }
}

// What a word of address characters becomes: an address alone, or IPv4 followed by :PORT or .PORT.
std::string Mask::replacement(const std::string& word) const {
    const auto hidden = [&](const std::string& candidate) {
        const auto address = config::parse_network(candidate);
        if (!address) return false;
        for (const config::Network& network : networks_) {
            if (network.contains(*address)) return true;
        }
        return false;
    };
    if (hidden(word)) return word.find(':') == std::string::npos ? hidden_ipv4 : hidden_ipv6;
    const std::size_t colon = word.find_last_of(":.");
    if (colon != std::string::npos && hidden(word.substr(0, colon))) {
        const bool ipv6 = word.find(':') < colon;
        return (ipv6 ? hidden_ipv6 : hidden_ipv4) + word.substr(colon);
    }
    return word;
}

std::string Mask::apply(const std::string& text) const {
    if (networks_.empty()) return text;
    std::string result;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = at;
        while (end < text.size() && of_address(text[end])) ++end;
        if (end == at) {
            result += text[at++];
            continue;
        }
        result += replacement(text.substr(at, end - at));
        at = end;
    }
    return result;
}

bool Mask::has_hidden(const std::string& text) {
    return text.find(hidden_ipv4) != std::string::npos || text.find(hidden_ipv6) != std::string::npos;
}

void Mask::apply(Json& value) const {
    if (networks_.empty()) return;
    if (value.is_string()) {
        value = apply(value.get<std::string>());
    } else if (value.is_structured()) {
        for (Json& element : value) apply(element);
    }
}

void apply_zone(Json& value, const TimeText& times) {
    if (times.utc()) return;
    if (value.is_string()) {
        if (const auto moment = parse_rfc3339_us(value.get_ref<const std::string&>()))
            value = times.rfc3339(*moment);
    } else if (value.is_structured()) {
        for (Json& element : value) apply_zone(element, times);
    }
}

}  // namespace picket::cli
