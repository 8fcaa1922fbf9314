// What the fuzzers share: reading fields from the front of an input, bytes of their own for whoever must not
// read beyond them, and the check that ends the process with a sentence.
//
// A missing field reads as 0, so that every input means something. Header only; not thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace picket::fuzz {

class Input {
  public:
    Input(const std::uint8_t* data, std::size_t size) noexcept : rest_(data, size) {}

    [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return rest_.size(); }

    std::uint8_t u8() noexcept { return static_cast<std::uint8_t>(number(1)); }
    std::uint16_t u16() noexcept { return static_cast<std::uint16_t>(number(2)); }
    std::uint32_t u32() noexcept { return static_cast<std::uint32_t>(number(4)); }
    std::uint64_t u64() noexcept { return number(8); }

    // At most so many bytes.
    std::span<const std::uint8_t> take(std::size_t length) noexcept {
        const auto taken = rest_.first(std::min(length, rest_.size()));
        rest_ = rest_.subspan(taken.size());
        return taken;
    }
    std::span<const std::uint8_t> rest() noexcept { return take(rest_.size()); }

  private:
    std::uint64_t number(std::size_t bytes) noexcept {
        std::uint64_t value = 0;
        const auto taken = take(bytes);
        for (std::size_t i = 0; i < taken.size(); ++i) value |= std::uint64_t{taken[i]} << (8 * i);
        return value;
    }

    std::span<const std::uint8_t> rest_;
};

// A heap block of exactly these bytes: the address sanitizer sees the first byte beyond it. Never null,
// because no receive path has frames that are.
inline std::vector<std::uint8_t> own_block(std::span<const std::uint8_t> bytes) {
    std::vector<std::uint8_t> block;
    block.reserve(std::max<std::size_t>(bytes.size(), 1));
    block.assign(bytes.begin(), bytes.end());
    return block;
}
inline std::string_view as_text(std::span<const std::uint8_t> bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Ends the process unless the invariant holds.
inline void require(bool holds, const char* what) noexcept {
    if (holds) return;
    std::fprintf(stderr, "violated: %s\n", what);
    std::abort();
}

inline bool is_within(std::string_view part, std::string_view whole) noexcept {
    return part.data() == nullptr ||
           (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

}  // namespace picket::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
