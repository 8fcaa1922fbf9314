// Unaligned loads of header fields in either byte order. The callers have checked the bounds.
#pragma once

#include <cstdint>
#include <cstring>

namespace picket::rx {

inline std::uint16_t load16(const std::uint8_t* at, bool swapped) noexcept {
    std::uint16_t value;
    std::memcpy(&value, at, sizeof value);
    return swapped ? __builtin_bswap16(value) : value;
}

inline std::uint32_t load32(const std::uint8_t* at, bool swapped) noexcept {
    std::uint32_t value;
    std::memcpy(&value, at, sizeof value);
    return swapped ? __builtin_bswap32(value) : value;
}

inline std::uint64_t load64(const std::uint8_t* at, bool swapped) noexcept {
    std::uint64_t value;
    std::memcpy(&value, at, sizeof value);
    return swapped ? __builtin_bswap64(value) : value;
}

// The largest packet that a capture may claim, by link type; a larger length means that the file is damaged.
// The same limits as Wireshark's, so that both tools call the same files damaged.
constexpr std::uint32_t packet_bytes_max(std::uint32_t link_type) noexcept {
    switch (link_type) {
        case 186:  // USB of FreeBSD, Linux, Linux with padded header, macOS, USBPcap; D-Bus
        case 189:
        case 220:
        case 231:
        case 249:
        case 266:
            return 128U << 20;
        case 279:  // Elektrobit high-speed capture
            return 8U << 20;
        default:
            return 262144;
    }
}

}  // namespace picket::rx
