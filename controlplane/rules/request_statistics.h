// How many requests hold a given short text: what is rare enough to filter by.
//
// Shares of texts of 1 to 4 bytes (letters in lower case), from access logs; longer texts are estimated from
// the short ones they consist of. A value type: copy shipped() and take what traffic teaches.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

namespace picket::rules {

class RequestStatistics {
  public:
    enum class Text : std::uint8_t { uri, head };
    static constexpr std::size_t gram_max = 4;

    // Made of public access logs by make_request_statistics.py.
    static const RequestStatistics& shipped();

    // share of the requests, above 0 and at most 1, hold gram (1 to gram_max bytes); of what is known of a
    // gram the largest share counts, so that what is common anywhere is common.
    void take(Text text, std::string_view gram, double share);

    // share of the requests, above 0 and at most 1, were seen to hold text; so each piece of it is as common
    // at least. A later share of the same text counts instead.
    void take_literal(Text text, std::string_view bytes, double share);

    // Minus log2 of the share of requests whose text is expected to hold bytes; 0 for none.
    [[nodiscard]] double bits(Text text, std::string_view bytes) const;

  private:
    using Table = std::unordered_map<std::uint64_t, float>;

    [[nodiscard]] double gram_bits(const Table& table, std::string_view gram) const;
    [[nodiscard]] double chain_bits(const Table& table, std::string_view lower) const;
    void take_records(Text text, std::size_t length, std::string_view records);

    std::array<Table, 2> tables_;
    std::array<std::map<std::string, float, std::less<>>, 2> literals_;  // in lower case: their bits
};

}  // namespace picket::rules
