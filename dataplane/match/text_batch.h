// Texts of several requests as one buffer, so that one call of the engine scans them all.
//
// Owned by one Matcher; allocates in its constructor alone. Each text is followed by a newline, so that line
// anchors hold at both its ends; a match belongs to the text in which it ends.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

namespace picket::match {

class TextBatch {
  public:
    // PERF: a batch stays within the first-level cache, with room for the engine's tables.
    static constexpr std::size_t bytes_wanted = 16 * 1024;
    static constexpr std::size_t texts_max = 192;

    TextBatch() : bytes_(std::make_unique<char[]>(bytes_wanted)) {}

    [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
    [[nodiscard]] std::string_view bytes() const noexcept { return {bytes_.get(), used_}; }
    // A text that never fits has to be scanned alone.
    [[nodiscard]] static bool ever_fits(std::size_t size) noexcept { return size < bytes_wanted; }
    [[nodiscard]] bool fits(std::size_t size) const noexcept {
        return size < bytes_wanted - used_ && count_ < texts_max;
    }

    // REQUIRES: fits(text.size()).
    void add(std::uint32_t slot, std::string_view text) noexcept {
        copy(bytes_.get() + used_, text);
        used_ += text.size();
        ends_[count_] = static_cast<std::uint32_t>(used_);
        slots_[count_++] = static_cast<std::uint8_t>(slot);
        bytes_[used_++] = '\n';
    }

    // The slot of the text in which a match ends; nothing if it ends behind all of them.
    // PERF: matches come in the order of their ends as a rule, so that the place of the last one is near.
    [[nodiscard]] std::optional<std::uint32_t> slot_at(std::size_t end) noexcept {
        if (cursor_ >= count_ || (cursor_ > 0 && ends_[cursor_ - 1] >= end)) {
            cursor_ = 0;
        }
        while (cursor_ < count_ && ends_[cursor_] < end) {
            ++cursor_;
        }
        return cursor_ < count_ ? std::optional<std::uint32_t>(slots_[cursor_]) : std::nullopt;
    }

    void clear() noexcept {
        used_ = 0;
        count_ = 0;
        cursor_ = 0;
    }

  private:
    // PERF: most URIs have 8 to 64 bytes; a call of memcpy costs as much as scanning half of one.
    static void copy(char* to, std::string_view text) noexcept {
        const char* from = text.data();
        const std::size_t size = text.size();
        if (size >= 16 && size <= 64) {
            for (std::size_t at = 0; at + 16 < size; at += 16) {
                std::memcpy(to + at, from + at, 16);
            }
            std::memcpy(to + size - 16, from + size - 16, 16);
        } else if (size >= 8 && size < 16) {
            std::memcpy(to, from, 8);
            std::memcpy(to + size - 8, from + size - 8, 8);
        } else if (size > 0) {
            std::memcpy(to, from, size);
        }
    }

    std::unique_ptr<char[]> bytes_;
    std::array<std::uint32_t, texts_max> ends_{};
    std::array<std::uint8_t, texts_max> slots_{};
    std::size_t used_ = 0;
    std::size_t count_ = 0;
    std::size_t cursor_ = 0;
};

}  // namespace picket::match
