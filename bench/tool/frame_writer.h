// Writes the headers of frames: Ethernet, IPv4 or IPv6, TCP or UDP. Pure functions, safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace picket::bench {

// The ends of a flow, which its number determines; different numbers (below 2^32) make different ends.
struct Ends {
    std::uint32_t client = 0;  // IPv4; of IPv6 the last 32 bits
    std::uint32_t server = 0;
    std::uint16_t client_port = 0;
    std::uint16_t server_port = 0;
    bool ipv6 = false;
    bool tcp = false;
};

struct Segment {
    std::uint16_t identification = 1;  // IPv4; another one for every frame, else they are copies
    bool from_server = false;
    std::uint8_t tcp_flags = 0;
    std::uint32_t sequence = 0;
    std::uint32_t acknowledgment = 0;
    std::uint32_t payload = 0;  // bytes that the caller writes behind the headers
};

inline constexpr std::size_t frame_bytes_min = 60;    // 64 with check sequence
inline constexpr std::size_t frame_bytes_max = 1514;  // 1518 with check sequence

[[nodiscard]] constexpr std::size_t header_bytes(const Ends& ends) noexcept {
    return 14u + (ends.ipv6 ? 40u : 20u) + (ends.tcp ? 20u : 8u);
}

// Fills in header_bytes(ends) bytes.
void write_headers(const Ends& ends, const Segment& segment, std::uint8_t* to) noexcept;

}  // namespace picket::bench
