#include "dataplane/steer/owner.h"

#include <array>
#include <cstring>

#include "dataplane/rx/rss.h"

namespace picket::steer {
namespace {

// The symmetric key repeats every 16 bits, so a word of the input adds the same wherever it stands: the
// Toeplitz hash of any input is that of the exclusive-or of its 16-bit words, two table look-ups.
struct FoldedToeplitz {
    std::array<std::uint32_t, 256> high{};
    std::array<std::uint32_t, 256> low{};

    FoldedToeplitz() noexcept {
        for (unsigned byte = 0; byte < 256; ++byte) {
            const std::array<std::uint8_t, 2> in_high{static_cast<std::uint8_t>(byte), 0};
            const std::array<std::uint8_t, 2> in_low{0, static_cast<std::uint8_t>(byte)};
            high[byte] = rx::toeplitz_hash(in_high, rx::symmetric_key);
            low[byte] = rx::toeplitz_hash(in_low, rx::symmetric_key);
        }
    }
};

std::uint16_t fold(std::uint64_t value) noexcept {
    value ^= value >> 32;
    value ^= value >> 16;
    return static_cast<std::uint16_t>(value);
}

}  // namespace

std::uint32_t owner_of(const parse::Packet& packet, std::uint32_t workers) noexcept {
    static const FoldedToeplitz tables;
    std::uint16_t word = 0;  // in network order
    if (packet.ipv6 != nullptr) {
        std::array<std::uint64_t, 4> addresses;
        std::memcpy(addresses.data(), packet.ipv6, sizeof addresses);
        word = fold(addresses[0] ^ addresses[1] ^ addresses[2] ^ addresses[3]);
    } else {
        word = fold(packet.key.address_a ^ packet.key.address_b);
    }
    word = __builtin_bswap16(word);
    const std::uint32_t hash = tables.high[word >> 8] ^ tables.low[word & 0xff];
    return rx::queue_of(hash, static_cast<std::uint16_t>(workers));
}

}  // namespace picket::steer
