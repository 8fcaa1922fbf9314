// The numbers of the pcapng format (draft-ietf-opsawg-pcapng) that more than one file needs.
#pragma once

#include <cstddef>
#include <cstdint>

namespace picket::rx::pcapng {

inline constexpr std::uint32_t section_header = 0x0a0d0d0a;
inline constexpr std::uint32_t interface_description = 1;
inline constexpr std::uint32_t obsolete_packet = 2;
inline constexpr std::uint32_t simple_packet = 3;
inline constexpr std::uint32_t name_resolution = 4;
inline constexpr std::uint32_t interface_statistics = 5;
inline constexpr std::uint32_t enhanced_packet = 6;
inline constexpr std::uint32_t journal_export = 9;
inline constexpr std::uint32_t decryption_secrets = 10;
inline constexpr std::uint32_t custom = 0x00000bad;
inline constexpr std::uint32_t custom_not_copied = 0x40000bad;

inline constexpr std::uint32_t byte_order_mark = 0x1a2b3c4d;

// Bytes from the start of a block.
inline constexpr std::size_t packet_data = 28;
inline constexpr std::size_t simple_data = 12;

// Bytes of the shortest block of a kind: header, fixed part, trailing length.
inline constexpr std::size_t block_header = 8;
inline constexpr std::size_t block_least = 12;
inline constexpr std::size_t section_least = 28;
inline constexpr std::size_t interface_least = 20;
inline constexpr std::size_t packet_least = 32;
inline constexpr std::size_t simple_least = 16;
inline constexpr std::size_t names_least = 16;
inline constexpr std::size_t statistics_least = 24;
inline constexpr std::size_t custom_least = 16;
inline constexpr std::size_t secrets_least = 20;

// Wireshark 4.0's limit, the same so that both tools call the same files damaged.
inline constexpr std::uint32_t block_length_max = 134'348'832;

}  // namespace picket::rx::pcapng
