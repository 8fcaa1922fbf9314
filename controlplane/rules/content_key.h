// A name for bytes by what they are: SHA-256 (FIPS 180-4), by OpenSSL.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace picket::rules {

struct ContentKey {
    std::array<std::byte, 32> bytes{};
    auto operator<=>(const ContentKey&) const = default;
};

// 64 lower-case hexadecimal digits.
std::string hex_of(const ContentKey& key);

// One key; not thread-safe. Every part is hashed with its length, so that parts do not run together.
class ContentHasher {
  public:
    // Throws std::bad_alloc.
    ContentHasher();
    ~ContentHasher();
    ContentHasher(const ContentHasher&) = delete;
    ContentHasher& operator=(const ContentHasher&) = delete;

    void add(std::span<const std::byte> part);
    void add(std::string_view part);
    void add(std::uint64_t number);
    // Once.
    ContentKey finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace picket::rules
