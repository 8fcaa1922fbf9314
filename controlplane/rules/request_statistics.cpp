#include "controlplane/rules/request_statistics.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "controlplane/rules/rule_text.h"

namespace picket::rules {
namespace {

using namespace std::string_view_literals;
#include "controlplane/rules/request_statistics.inc"

std::uint64_t key_of(std::string_view gram) {
    std::uint64_t key = gram.size();
    for (const char byte : gram) {
        key = key << 8 | static_cast<std::uint8_t>(byte);
    }
    return key;
}

// What a gram of this length has at least, and is given at most, if no request was seen with it.
constexpr std::array<double, RequestStatistics::gram_max + 1> unseen_min{0, 9, 10, 9, 9};
constexpr std::array<double, RequestStatistics::gram_max + 1> unseen_max{0, 9, 13, 16, 20};

}  // namespace

void RequestStatistics::take(Text text, std::string_view gram, double share) {
    const auto bits = static_cast<float>(-std::log2(std::clamp(share, 1e-9, 1.0)));
    const auto [place, is_new] =
        tables_[static_cast<std::size_t>(text)].try_emplace(key_of(lower_case(gram)), bits);
    if (!is_new) {
        place->second = std::min(place->second, bits);
    }
}

void RequestStatistics::take_literal(Text text, std::string_view bytes, double share) {
    literals_[static_cast<std::size_t>(text)][lower_case(bytes)] =
        static_cast<float>(-std::log2(std::clamp(share, 1e-9, 1.0)));
    for (std::size_t length = 1; length <= gram_max; ++length) {
        for (std::size_t at = 0; at + length <= bytes.size(); ++at)
            take(text, bytes.substr(at, length), share);
    }
}

void RequestStatistics::take_records(Text text, std::size_t length, std::string_view records) {
    Table& table = tables_[static_cast<std::size_t>(text)];
    for (; records.size() > length; records.remove_prefix(length + 1)) {
        table[key_of(records.substr(0, length))] = static_cast<float>(records[length] - '0') / 4;
    }
}

const RequestStatistics& RequestStatistics::shipped() {
    static const RequestStatistics statistics = [] {
        RequestStatistics made;
        made.take_records(Text::uri, 1, uri_grams_1);
        made.take_records(Text::uri, 2, uri_grams_2);
        made.take_records(Text::uri, 3, uri_grams_3);
        made.take_records(Text::uri, 4, uri_grams_4);
        made.take_records(Text::head, 1, head_grams_1);
        made.take_records(Text::head, 2, head_grams_2);
        made.take_records(Text::head, 3, head_grams_3);
        made.take_records(Text::head, 4, head_grams_4);
        return made;
    }();
    return statistics;
}

// Of a gram that was not seen: as if its two halves met by chance.
double RequestStatistics::gram_bits(const Table& table, std::string_view gram) const {
    const auto place = table.find(key_of(gram));
    if (place != table.end()) {
        return place->second;
    }
    const std::size_t length = gram.size();
    if (length < 2) {
        return unseen_max[length];
    }
    double bits = gram_bits(table, gram.substr(0, length - 1)) + gram_bits(table, gram.substr(1));
    if (length > 2) {
        bits -= gram_bits(table, gram.substr(1, length - 2));
    }
    return std::clamp(bits, unseen_min[length], unseen_max[length]);
}

// As if each byte depended on the three before it alone.
double RequestStatistics::chain_bits(const Table& table, std::string_view lower) const {
    double bits = gram_bits(table, lower.substr(0, gram_max));
    for (std::size_t at = 1; at + gram_max <= lower.size(); ++at) {
        const double more =
            gram_bits(table, lower.substr(at, gram_max)) - gram_bits(table, lower.substr(at, gram_max - 1));
        bits += std::max(more, 0.0);
    }
    return bits;
}

double RequestStatistics::bits(Text text, std::string_view bytes) const {
    if (bytes.empty()) return 0;
    const Table& table = tables_[static_cast<std::size_t>(text)];
    const std::string lower = lower_case(bytes);
    const double estimate = chain_bits(table, lower);
    double least = estimate;
    for (const auto& [literal, literal_bits] : literals_[static_cast<std::size_t>(text)]) {
        if (literal_bits >= least) continue;
        if (literal.find(lower) != std::string::npos) {
            least = literal_bits;
        } else if (lower.find(literal) != std::string::npos) {  // only what it has more makes it rarer
            const double more = std::max(estimate - chain_bits(table, literal), 0.0);
            least = std::min(least, literal_bits + more);
        }
    }
    return least;
}

}  // namespace picket::rules
