#include "dataplane/match/message_parts.h"

#include <algorithm>
#include <cstring>

#include "dataplane/match/head_lines.h"
#include "dataplane/match/head_text.h"

namespace picket::match {
namespace {

// Appends what fits.
void append(std::span<char> out, std::size_t& written, std::string_view text) noexcept {
    const std::size_t length = std::min(text.size(), out.size() - written);
    if (length > 0) {
        std::memcpy(out.data() + written, text.data(), length);
    }
    written += length;
}

std::string_view without_empty_lines(std::string_view text) noexcept {
    text.remove_prefix(std::min(text.find_first_not_of("\r\n"), text.size()));
    return text;
}

}  // namespace

std::string_view message_line(std::string_view text) noexcept {
    text = without_empty_lines(text);
    return take_line(text);
}

std::string_view message_start(std::string_view text, std::string_view headers) noexcept {
    text = without_empty_lines(text);
    if (headers.data() == nullptr) {
        return message_line(text);
    }
    const auto length = static_cast<std::size_t>(headers.data() + headers.size() - text.data());
    return text.substr(0, length);
}

std::string_view line_protocol(std::string_view line) noexcept {
    if (line.starts_with("HTTP/")) {
        return line.substr(0, line.find(' '));
    }
    const std::size_t space = line.rfind(" HTTP/");
    return space == std::string_view::npos ? std::string_view() : trim_blanks(line.substr(space + 1));
}

std::string_view status_code(std::string_view line) noexcept {
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) {
        return {};
    }
    line.remove_prefix(space + 1);
    return line.substr(0, line.find(' '));
}

std::string_view status_message(std::string_view line) noexcept {
    const std::string_view code = status_code(line);
    if (code.data() == nullptr) {
        return {};
    }
    const auto begin = static_cast<std::size_t>(code.data() + code.size() - line.data());
    return trim_blanks(line.substr(begin));
}

std::string_view take_header(std::string_view& raw, std::span<char> out) noexcept {
    const std::string_view line = take_line(raw);
    if (line.empty()) {
        return {};
    }
    std::size_t written = 0;
    const std::size_t colon = line.find(':');
    append(out, written, trim_blanks(line.substr(0, colon)));
    if (colon != std::string_view::npos) {
        append(out, written, ": ");
        append(out, written, trim_blanks(line.substr(colon + 1)));
    }
    while (!raw.empty() && is_blank(raw.front())) {
        append(out, written, " ");
        append(out, written, trim_blanks(take_line(raw)));
    }
    return {out.data(), written};
}

std::string_view joined_values(std::string_view raw, std::string_view lower_name,
                               std::span<char> out) noexcept {
    std::size_t written = 0;
    bool found = false;
    while (!raw.empty()) {
        const std::string_view line = take_line(raw);
        if (line.empty()) {
            break;
        }
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos ||
            !equals_caseless(trim_blanks(line.substr(0, colon)), lower_name)) {
            continue;
        }
        append(out, written, found ? ", " : "");
        append(out, written, trim_blanks(line.substr(colon + 1)));
        found = true;
    }
    return found ? std::string_view(out.data(), written) : std::string_view();
}

}  // namespace picket::match
