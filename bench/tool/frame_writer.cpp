#include "bench/tool/frame_writer.h"

#include <array>
#include <cstring>

namespace picket::bench {
namespace {

constexpr std::size_t ip_at = 14;
constexpr std::size_t ports4_at = ip_at + 20;
constexpr std::size_t ports6_at = ip_at + 40;
constexpr std::size_t template_bytes = ports6_at + 20;

using Template = std::array<std::uint8_t, template_bytes>;

constexpr Template template_of(bool ipv6, bool tcp) {
    Template bytes{};
    constexpr std::array<std::uint8_t, 12> stations{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
    for (std::size_t i = 0; i < stations.size(); ++i) bytes[i] = stations[i];
    bytes[12] = ipv6 ? 0x86 : 0x08;
    bytes[13] = ipv6 ? 0xdd : 0x00;
    bytes[ip_at] = ipv6 ? 0x60 : 0x45;
    if (ipv6) {
        bytes[ip_at + 6] = tcp ? 6 : 17;
        bytes[ip_at + 7] = 64;
        for (const std::size_t address : {ip_at + 8, ip_at + 24}) {
            bytes[address] = 0x20;
            bytes[address + 1] = 0x01;
            bytes[address + 2] = 0x0d;
            bytes[address + 3] = 0xb8;
        }
    } else {
        bytes[ip_at + 6] = 0x40;  // don't fragment
        bytes[ip_at + 8] = 64;
        bytes[ip_at + 9] = tcp ? 6 : 17;
    }
    if (tcp) {
        const std::size_t at = ipv6 ? ports6_at : ports4_at;
        bytes[at + 12] = 0x50;
        bytes[at + 14] = 0x20;  // window
    }
    return bytes;
}

constexpr std::array<Template, 4> templates{template_of(false, false), template_of(false, true),
                                            template_of(true, false), template_of(true, true)};

void put16(std::uint8_t* to, std::size_t value) noexcept {
    const std::uint16_t wire = __builtin_bswap16(static_cast<std::uint16_t>(value));
    std::memcpy(to, &wire, sizeof wire);
}
void put32(std::uint8_t* to, std::uint32_t value) noexcept {
    const std::uint32_t wire = __builtin_bswap32(value);
    std::memcpy(to, &wire, sizeof wire);
}

}  // namespace

void write_headers(const Ends& ends, const Segment& segment, std::uint8_t* to) noexcept {
    const std::uint32_t source = segment.from_server ? ends.server : ends.client;
    const std::uint32_t destination = segment.from_server ? ends.client : ends.server;
    const auto& like = templates[(ends.ipv6 ? 2u : 0u) + (ends.tcp ? 1u : 0u)];
    const std::size_t transport_bytes = (ends.tcp ? 20u : 8u) + segment.payload;
    std::uint8_t* transport = nullptr;
    if (ends.ipv6) {
        std::memcpy(to, like.data(), header_bytes(ends));
        put16(to + ip_at + 4, transport_bytes);
        put32(to + ip_at + 20, source);
        put32(to + ip_at + 36, destination);
        transport = to + ports6_at;
    } else {
        std::memcpy(to, like.data(), header_bytes(ends));
        put16(to + ip_at + 2, 20 + transport_bytes);
        put16(to + ip_at + 4, segment.identification);
        put32(to + ip_at + 12, source);
        put32(to + ip_at + 16, destination);
        transport = to + ports4_at;
    }
    put16(transport, segment.from_server ? ends.server_port : ends.client_port);
    put16(transport + 2, segment.from_server ? ends.client_port : ends.server_port);
    if (ends.tcp) {
        put32(transport + 4, segment.sequence);
        put32(transport + 8, segment.acknowledgment);
        transport[13] = segment.tcp_flags;
    } else {
        put16(transport + 4, transport_bytes);
    }
}

}  // namespace picket::bench
