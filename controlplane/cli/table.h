// Tables for people: upper-case heads, left-aligned, two spaces between columns, fitted to a width.
//
// Thread safety: none needed, a Table is local to its command.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace picket::cli {

// What may be done to a column when the table is too wide.
enum class Give : unsigned char {
    nothing,
    cut,      // lose characters at the end, unmarked (the fraction of a time)
    end,      // lose its end, marked with an ellipsis
    middle,   // lose its middle, marked with an ellipsis (addresses: both ends tell them apart)
    compact,  // write its numbers with three digits and a prefix: 64.8k
    drop,     // be left out
};

struct Column {
    std::string head;
    Give give = Give::nothing;
    int rank = 0;               // lower gives first
    std::size_t width_min = 0;  // columns kept by cut, end and middle where that is enough
};

// Columns on a terminal of UTF-8 text without wide or combining characters.
[[nodiscard]] std::size_t display_width(std::string_view text);
// text in at most `width` columns; compact is not cut and may need more.
[[nodiscard]] std::string fitted(const std::string& text, std::size_t width, Give give);

class Table {
  public:
    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

    // Cells beyond the columns are ignored, missing ones are empty. Control characters become '?'.
    void add(std::vector<std::string> cells);
    [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return rows_.size(); }

    // Cells never grow beyond `width` together, whatever is in them; width 0: unabbreviated.
    // bold: heads are emphasised for a terminal.
    void print(std::ostream& out, std::size_t width, bool bold) const;

  private:
    [[nodiscard]] std::vector<std::size_t> fit(std::size_t width) const;
    void give_way(std::size_t i, std::size_t excess, std::vector<std::size_t>& widths) const;
    void squeeze(std::size_t width, std::vector<std::size_t>& widths) const;

    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace picket::cli
