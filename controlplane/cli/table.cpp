#include "controlplane/cli/table.h"

#include <algorithm>
#include <limits>
#include <ostream>

#include "controlplane/cli/number_text.h"

namespace picket::cli {
namespace {

constexpr std::size_t gap = 2;
constexpr std::size_t dropped = std::numeric_limits<std::size_t>::max();
constexpr const char* ellipsis = "…";

bool starts_character(char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0) != 0x80;
}

// The first `count` characters.
std::string head_of(const std::string& text, std::size_t count) {
    std::size_t at = 0;
    for (std::size_t seen = 0; at < text.size(); ++at) {
        if (starts_character(text[at]) && seen++ == count) break;
    }
    return text.substr(0, at);
}

std::string tail_of(const std::string& text, std::size_t count) {
    std::size_t at = text.size();
    while (at > 0 && count > 0) {
        --at;
        if (starts_character(text[at])) --count;
    }
    return text.substr(at);
}

// "1,234,567/12" as "1.23M/12".
std::string compact_numbers(const std::string& text) {
    std::string result;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = text.find_first_not_of("0123456789,", at);
        if (end == std::string::npos) end = text.size();
        if (end == at) {
            result += text[at++];
            continue;
        }
        const std::string written = text.substr(at, end - at);
        std::string digits = written;
        std::erase(digits, ',');
        std::string short_text =
            digits.size() < 5 || digits.size() > 18 ? written : scaled(std::stod(digits));
        std::erase(short_text, ' ');
        result += short_text;
        at = end;
    }
    return result;
}

std::size_t total_width(const std::vector<std::size_t>& widths) {
    std::size_t total = 0;
    for (const std::size_t width : widths) {
        if (width != dropped) total += width + (total == 0 ? 0 : gap);
    }
    return total;
}

}  // namespace

std::size_t display_width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_character));
}

std::string fitted(const std::string& text, std::size_t width, Give give) {
    if (display_width(text) <= width) return text;
    if (give == Give::compact) return compact_numbers(text);
    if (give == Give::cut || width < 2) return head_of(text, width);
    if (give == Give::middle) {
        const std::size_t front = width / 2;
        return head_of(text, front) + ellipsis + tail_of(text, width - front - 1);
    }
    return head_of(text, width - 1) + ellipsis;
}

void Table::add(std::vector<std::string> cells) {
    cells.resize(columns_.size());
    for (std::string& cell : cells) {
        std::replace_if(
            cell.begin(), cell.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
    }
    rows_.push_back(std::move(cells));
}

std::vector<std::size_t> Table::fit(std::size_t width) const {
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        std::size_t widest = display_width(columns_[i].head);
        for (const auto& row : rows_) widest = std::max(widest, display_width(row[i]));
        // Neither head nor cells: nothing of this kind is known.
        widths.push_back(widest == 0 ? dropped : widest);
    }
    if (width == 0) return widths;
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        if (columns_[i].give != Give::nothing && widths[i] != dropped) order.push_back(i);
    }
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return columns_[a].rank < columns_[b].rank; });
    for (const std::size_t i : order) {
        const std::size_t total = total_width(widths);
        if (total <= width) break;
        give_way(i, total - width, widths);
    }
    squeeze(width, widths);
    return widths;
}

// Column i makes room for `excess` columns, or as much as it may.
void Table::give_way(std::size_t i, std::size_t excess, std::vector<std::size_t>& widths) const {
    const Column& column = columns_[i];
    const std::size_t head = display_width(column.head);
    const std::size_t least = std::max(column.width_min, head);
    if (column.give == Give::drop) {
        widths[i] = dropped;
    } else if (column.give == Give::compact) {
        widths[i] = head;
        for (const auto& row : rows_) {
            widths[i] = std::max(widths[i], display_width(compact_numbers(row[i])));
        }
    } else if (column.give == Give::cut) {
        widths[i] = std::min(widths[i], least);
    } else if (widths[i] > least) {
        widths[i] = std::max(least, widths[i] - std::min(widths[i], excess));
    }
}

// The last resort: texts give beyond their least width, the widest first.
void Table::squeeze(std::size_t width, std::vector<std::size_t>& widths) const {
    constexpr std::size_t readable = 4;
    while (total_width(widths) > width) {
        std::size_t widest = dropped;
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            const bool text = columns_[i].give == Give::middle || columns_[i].give == Give::end;
            if (!text || widths[i] == dropped || widths[i] <= readable) continue;
            if (widest == dropped || widths[i] > widths[widest]) widest = i;
        }
        if (widest == dropped) return;
        --widths[widest];
    }
}

void Table::print(std::ostream& out, std::size_t width, bool bold) const {
    const std::vector<std::size_t> widths = fit(width);
    const auto line = [&](auto&& cell_of) {
        std::string text;
        std::size_t pending = 0;
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            if (widths[i] == dropped) continue;
            const std::string cell = fitted(cell_of(i), widths[i], columns_[i].give);
            if (!cell.empty()) {
                text += std::string(pending, ' ') + cell;
                pending = 0;
            }
            pending += widths[i] - display_width(cell) + gap;
        }
        return text;
    };
    const std::string heads = line([&](std::size_t i) { return columns_[i].head; });
    out << (bold ? "\x1b[1m" : "") << heads << (bold ? "\x1b[0m" : "") << '\n';
    for (const auto& row : rows_) out << line([&](std::size_t i) { return row[i]; }) << '\n';
}

}  // namespace picket::cli
