// The key of a biflow and its keyed hash.
//
// Side a is the end with the lower (address, port), so that both directions make the same key. IPv4 keys
// hold the whole 5-tuple. IPv6 keys hold a keyed 64-bit digest of the two addresses in place of the
// addresses; the addresses themselves are compared in the flow's cold record, so that equality is exact.
//
// The hash is a folded 64 x 64 -> 128 bit multiplication with secrets that are random at every start
// (wyhash's construction). It is not linear, unlike CRC32 and Toeplitz, whose collisions do not depend on
// their seed: a sender who does not know the secrets cannot aim packets at one bucket.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

namespace picket::flow {

struct FlowKey {
    std::uint32_t address_a = 0;  // IPv4: as loaded from the wire. IPv6: low half of the digest
    std::uint32_t address_b = 0;  // IPv4: as loaded from the wire. IPv6: high half of the digest
    std::uint16_t port_a = 0;     // host order
    std::uint16_t port_b = 0;
    std::uint8_t protocol = 0;
    std::uint8_t family = 0;  // 4 or 6; 0 marks an empty entry of the table
    std::uint16_t vlan = 0;   // outermost VLAN id where it is part of the key, else 0

    bool operator==(const FlowKey& other) const noexcept {
        std::array<std::uint64_t, 2> mine;
        std::array<std::uint64_t, 2> theirs;
        std::memcpy(mine.data(), this, sizeof mine);
        std::memcpy(theirs.data(), &other, sizeof theirs);
        return ((mine[0] ^ theirs[0]) | (mine[1] ^ theirs[1])) == 0;
    }
};
static_assert(sizeof(FlowKey) == 16, "a key is compared as two words");

// Addresses of an IPv6 flow, side a first.
struct Ipv6Sides {
    std::array<std::uint8_t, 16> a{};
    std::array<std::uint8_t, 16> b{};
    bool operator==(const Ipv6Sides&) const = default;
};

class KeyedHash {
  public:
    using Secrets = std::array<std::uint64_t, 4>;

    // Secrets must be odd-looking random words; see random_secrets().
    explicit KeyedHash(const Secrets& secrets) noexcept : secrets_(secrets) {}

    // From the kernel's random source. Throws SetupError where there is none.
    [[nodiscard]] static Secrets random_secrets();

    [[nodiscard]] std::uint64_t operator()(const FlowKey& key) const noexcept {
        std::array<std::uint64_t, 2> words;
        std::memcpy(words.data(), &key, sizeof words);
        return (*this)(words[0], words[1]);
    }
    // Of a key as two words.
    [[nodiscard]] std::uint64_t operator()(std::uint64_t low, std::uint64_t high) const noexcept {
        const std::uint64_t first = fold(low ^ secrets_[0], high ^ secrets_[1]);
        return fold(first ^ secrets_[2], high ^ secrets_[3]);
    }

    // Of two words of which one holds a hash of this class already: half the work.
    [[nodiscard]] std::uint64_t mix(std::uint64_t low, std::uint64_t high) const noexcept {
        return fold(low ^ secrets_[0], high ^ secrets_[1]);
    }

    // Digest of an IPv6 address pair; sides are 32 contiguous bytes in canonical order.
    [[nodiscard]] std::uint64_t digest(const std::uint8_t* a, const std::uint8_t* b) const noexcept {
        std::array<std::uint64_t, 4> words;
        std::memcpy(words.data(), a, 16);
        std::memcpy(words.data() + 2, b, 16);
        const std::uint64_t first = fold(words[0] ^ secrets_[1], words[1] ^ secrets_[2]);
        const std::uint64_t second = fold(words[2] ^ secrets_[3], words[3] ^ secrets_[0]);
        return fold(first ^ secrets_[0], second ^ secrets_[2]);
    }

  private:
    static std::uint64_t fold(std::uint64_t left, std::uint64_t right) noexcept {
        __extension__ using Wide = unsigned __int128;
        const Wide product = static_cast<Wide>(left) * right;
        return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
    }

    Secrets secrets_;
};

}  // namespace picket::flow
