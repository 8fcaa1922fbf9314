// The only way that the parser reads bytes: a pointer pair whose failure sticks.
//
// A read beyond the end returns 0, sets failed(), and every later read fails too, so that a parser checks
// once, at the end of a header, instead of before each field. Not thread-safe, does not own the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace picket::parse {

class ByteCursor {
  public:
    ByteCursor(const std::uint8_t* data, std::size_t length) noexcept : at_(data), end_(data + length) {}

    [[nodiscard]] std::size_t remaining() const noexcept { return static_cast<std::size_t>(end_ - at_); }
    [[nodiscard]] bool failed() const noexcept { return failed_; }
    [[nodiscard]] const std::uint8_t* at() const noexcept { return at_; }

    std::uint8_t u8() noexcept {
        const auto* from = take(1);
        return from != nullptr ? *from : std::uint8_t{0};
    }
    std::uint16_t u16() noexcept {
        const auto* from = take(2);
        return from != nullptr ? static_cast<std::uint16_t>(from[0] << 8 | from[1]) : std::uint16_t{0};
    }
    std::uint32_t u32() noexcept {
        const auto* from = take(4);
        if (from == nullptr) return 0;
        std::uint32_t value;
        std::memcpy(&value, from, sizeof value);
        return __builtin_bswap32(value);
    }
    // The next `length` bytes, or nullptr if there are fewer.
    const std::uint8_t* take(std::size_t length) noexcept {
        if (failed_ || remaining() < length) {
            failed_ = true;
            return nullptr;
        }
        const auto* from = at_;
        at_ += length;
        return from;
    }
    // Forgets everything beyond the next `length` bytes (an inner length field is smaller than the frame).
    void limit(std::size_t length) noexcept {
        if (length < remaining()) end_ = at_ + length;
    }

  private:
    const std::uint8_t* at_;
    const std::uint8_t* end_;
    bool failed_ = false;
};

}  // namespace picket::parse
