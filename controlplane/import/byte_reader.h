// Big-endian numbers from the front of bytes, of which it takes no copy: a read beyond the end gives 0 or
// nothing and sticks, so that one check after several reads is enough.
//
// dataplane/parse has its like for packets, which the control plane does not see. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace picket::importer {

class ByteReader {
  public:
    explicit ByteReader(std::span<const std::uint8_t> bytes) noexcept : rest_(bytes) {}

    [[nodiscard]] std::size_t remaining() const noexcept { return rest_.size(); }
    [[nodiscard]] bool failed() const noexcept { return failed_; }

    std::uint8_t u8() noexcept { return static_cast<std::uint8_t>(number(1)); }
    std::uint16_t u16() noexcept { return static_cast<std::uint16_t>(number(2)); }
    std::uint32_t u32() noexcept { return static_cast<std::uint32_t>(number(4)); }
    // The next `length` bytes; empty, and failed(), if there are fewer.
    std::span<const std::uint8_t> take(std::size_t length) noexcept {
        failed_ = failed_ || rest_.size() < length;
        if (failed_) return {};
        const auto taken = rest_.first(length);
        rest_ = rest_.subspan(length);
        return taken;
    }

  private:
    std::uint64_t number(std::size_t bytes) noexcept {
        std::uint64_t value = 0;
        for (const std::uint8_t byte : take(bytes)) value = value << 8 | byte;
        return value;
    }

    std::span<const std::uint8_t> rest_;
    bool failed_ = false;
};

}  // namespace picket::importer
