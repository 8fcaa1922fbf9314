#include "dataplane/match/head_text.h"

#include <algorithm>
#include <cstring>

#include "dataplane/match/head_lines.h"

namespace picket::match {
namespace {

class Writer {
  public:
    explicit Writer(std::span<char> out) noexcept : out_(out) {}

    void put(std::string_view text) noexcept {
        const std::size_t length = std::min(text.size(), out_.size() - written_);
        if (length > 0) {
            std::memcpy(out_.data() + written_, text.data(), length);
        }
        written_ += length;
    }

    [[nodiscard]] std::size_t written() const noexcept { return written_; }

  private:
    std::span<char> out_;
    std::size_t written_ = 0;
};

}  // namespace

std::size_t normalize_headers(std::string_view raw, std::string_view left_out, std::span<char> out) noexcept {
    Writer writer(out);
    bool open = false;     // a header was written whose line end is still missing
    bool skipped = false;  // the last header was left out, and so are its folded lines
    while (!raw.empty()) {
        const std::string_view line = take_line(raw);
        if (line.empty()) {
            break;
        }
        if (is_blank(line.front()) && (open || skipped)) {
            if (!skipped) {
                writer.put(" ");
                writer.put(trim_blanks(line));
            }
            continue;
        }
        if (open) {
            writer.put("\r\n");
        }
        const std::size_t colon = line.find(':');
        const std::string_view name = trim_blanks(line.substr(0, colon));
        skipped = colon != std::string_view::npos && equals_caseless(name, left_out);
        open = !skipped;
        if (skipped) {
            continue;
        }
        writer.put(name);
        if (colon != std::string_view::npos) {
            writer.put(": ");
            writer.put(trim_blanks(line.substr(colon + 1)));
        }
    }
    if (open) {
        writer.put("\r\n");
    }
    return writer.written();
}

std::size_t header_names(std::string_view raw, std::span<char> out) noexcept {
    Writer writer(out);
    while (!raw.empty()) {
        const std::string_view line = take_line(raw);
        if (line.empty()) {
            break;
        }
        const std::size_t colon = line.find(':');
        if (!is_blank(line.front()) && colon != std::string_view::npos) {
            writer.put("\r\n");
            writer.put(trim_blanks(line.substr(0, colon)));
        }
    }
    if (writer.written() > 0) {
        writer.put("\r\n\r\n");
    }
    return writer.written();
}

std::string_view header_value(std::string_view raw, std::string_view lower_name) noexcept {
    while (!raw.empty()) {
        const std::string_view line = take_line(raw);
        if (line.empty()) {
            break;
        }
        const std::size_t colon = line.find(':');
        if (colon != std::string_view::npos &&
            equals_caseless(trim_blanks(line.substr(0, colon)), lower_name)) {
            return trim_blanks(line.substr(colon + 1));
        }
    }
    return {};
}

std::string_view normalize_host(std::string_view host, std::span<char> out) noexcept {
    if (host.data() == nullptr) {
        return {};
    }
    host = trim_blanks(host);
    const std::size_t colon = host.rfind(':');
    if (colon != std::string_view::npos &&
        (host.find(':') == colon || (colon > 0 && host[colon - 1] == ']'))) {
        host = host.substr(0, colon);
    }
    const std::size_t length = std::min(host.size(), out.size());
    std::transform(host.begin(), host.begin() + static_cast<std::ptrdiff_t>(length), out.begin(),
                   [](char byte) { return static_cast<char>(lower_byte(static_cast<unsigned char>(byte))); });
    return {out.data(), length};
}

}  // namespace picket::match
