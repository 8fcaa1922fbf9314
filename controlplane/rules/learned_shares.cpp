#include "controlplane/rules/learned_shares.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <span>

namespace picket::rules {
namespace {

ContentKey place_in_cache() {
    ContentHasher hasher;
    hasher.add("learned shares");
    hasher.add(1);  // of the format below
    return hasher.finish();
}

std::string hex_of_bytes(std::string_view bytes) {
    std::string hex;
    for (const char byte : bytes) {
        char digits[3];
        std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(byte));
        hex += digits;
    }
    return hex;
}

// Empty if it is not what hex_of_bytes() wrote.
std::string bytes_of_hex(std::string_view hex) {
    std::string bytes;
    for (; hex.size() >= 2; hex.remove_prefix(2)) {
        unsigned value = 0;
        if (std::from_chars(hex.data(), hex.data() + 2, value, 16).ptr != hex.data() + 2) return {};
        bytes += static_cast<char>(value);
    }
    return hex.empty() ? bytes : std::string();
}

}  // namespace

LearnedShares::LearnedShares(PatternCache& cache) {
    const auto kept = cache.find(place_in_cache());
    if (!kept) return;
    std::string_view text(reinterpret_cast<const char*>(kept->data()), kept->size());
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        parse(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

// "uri 0.0125 2f61": the text, the share, the literal.
void LearnedShares::parse(std::string_view line) {
    const std::size_t first = line.find(' ');
    const std::size_t second = line.find(' ', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) return;
    double share = 0;
    const auto* share_end = line.data() + second;
    const bool is_number = std::from_chars(line.data() + first + 1, share_end, share).ptr == share_end;
    std::string literal = bytes_of_hex(line.substr(second + 1));
    if (!is_number || share < share_min || share > 1 || literal.empty() || size() >= literals_max) return;
    const Text text = line.substr(0, first) == "uri" ? Text::uri : Text::head;
    shares_[{text, std::move(literal)}] = share;
}

bool LearnedShares::take(const FilterChoice& element, std::uint64_t found, std::uint64_t requests) {
    const bool is_uri = element.group == api::FilterGroup::uri;
    // Not every request has a body or a response.
    if (element.literal.empty() || !(is_uri || element.group == api::FilterGroup::head)) return false;
    if (requests < requests_min) return false;
    const double share = static_cast<double>(found) / static_cast<double>(requests);
    const auto place = shares_.find({is_uri ? Text::uri : Text::head, element.literal});
    if (place != shares_.end()) {
        const double before = std::exchange(place->second, std::max(share, share_min));
        return place->second > before * surprise_min || place->second * surprise_min < before;
    }
    if (share < share_min || share < surprise_min * std::exp2(-element.bits) || size() >= literals_max) {
        return false;
    }
    shares_[{is_uri ? Text::uri : Text::head, element.literal}] = share;
    return true;
}

void LearnedShares::keep(PatternCache& cache) const {
    std::string text;
    for (const auto& [place, share] : shares_) {
        char number[32];
        std::snprintf(number, sizeof number, "%.6f", share);
        text += std::string(place.first == Text::uri ? "uri " : "head ") + number + " " +
                hex_of_bytes(place.second) + "\n";
    }
    cache.keep(place_in_cache(), std::as_bytes(std::span(text)));
}

RequestStatistics LearnedShares::statistics() const {
    RequestStatistics statistics = RequestStatistics::shipped();
    for (const auto& [place, share] : shares_) statistics.take_literal(place.first, place.second, share);
    return statistics;
}

}  // namespace picket::rules
