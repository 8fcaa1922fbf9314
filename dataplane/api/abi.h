// Numbers and small types that every part of the shared-memory contract uses.
//
// The contract: fixed-layout structs, little-endian as the host, offsets instead of pointers. Both planes
// are built from these headers; abi_version rises with every change of layout or meaning, and a picketd
// refuses a data plane of another version (docs/shared_memory.md).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace picket::api {

inline constexpr std::uint64_t evidence_magic = 0x31564554454b4350;  // "PCKETEV1"
inline constexpr std::uint64_t control_magic = 0x314c54434b434950;   // "PICKCTL1"
inline constexpr std::uint32_t abi_version = 7;

inline constexpr std::size_t workers_max = 64;
inline constexpr std::size_t ports_max = 16;
inline constexpr std::size_t cache_line = 64;
inline constexpr std::size_t name_length_max = 64;  // bytes, zero-terminated

// An IPv6 address in network order, or an IPv4 address as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2).
struct Address {
    std::array<std::uint8_t, 16> bytes{};

    [[nodiscard]] bool is_ipv4() const noexcept {
        static constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
        return std::memcmp(bytes.data(), mapped.data(), mapped.size()) == 0;
    }
    auto operator<=>(const Address&) const = default;
};
static_assert(sizeof(Address) == 16 && alignof(Address) == 1);

// The address of an IPv4 header field, given as its four bytes in network order.
inline Address ipv4_mapped(const std::uint8_t* network_order) noexcept {
    Address address;
    address.bytes[10] = 0xff;
    address.bytes[11] = 0xff;
    std::memcpy(address.bytes.data() + 12, network_order, 4);
    return address;
}

// What times in events count from. A live data plane stamps events with CLOCK_MONOTONIC, because UTC may
// step; a reader adds utc_minus_packet_ns. Capture files carry UTC themselves, and the difference is 0.
struct ClockMap {
    std::int64_t utc_minus_packet_ns = 0;
    std::uint64_t packet_ns_now = 0;  // packet clock when this was written; capture files: latest record
};

}  // namespace picket::api
