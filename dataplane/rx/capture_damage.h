// What can be wrong with a capture file, where, and the sentence that says so.
//
// The walkers fill in a Damage without allocating; only the pass that opens a file turns it into text.
#pragma once

#include <cstdint>
#include <string>

namespace picket::rx {

enum class DamageKind : std::uint8_t {
    none,
    // The file ends too early.
    cut_file_header,
    cut_record_header,
    cut_packet,
    cut_block_header,
    cut_block,
    // pcap
    pcap_version,
    pcap_network_reserved,
    packet_too_large,
    // pcapng
    section_magic,
    section_version,
    block_too_short,
    block_too_large,
    block_lengths_differ,
    packet_outside_block,
    no_interface,
    too_many_interfaces,
    option_outside_block,
    option_length,
    name_record,
    secrets_too_large,
    // gzip
    gzip_cut,
    gzip_corrupt,
    gzip_trailing,
    // unpacking to a temporary file
    unpack_limit,
    unpack_write,
    read_failed,
};

struct Damage {
    DamageKind kind = DamageKind::none;
    std::uint64_t offset = 0;  // of the record, block or byte concerned, in the (unpacked) file
    std::uint64_t found = 0;   // the number that is wrong
    std::uint64_t wanted = 0;  // the number that it should be, or its limit

    [[nodiscard]] bool any() const noexcept { return kind != DamageKind::none; }
};

// True if the input merely stops early, false if its content is wrong.
[[nodiscard]] bool is_cut(DamageKind kind) noexcept;

// Says what is wrong at which byte, after how many packets. Empty for DamageKind::none. unpacked: bytes are
// counted in the unpacked data, not in the file that the user sees.
[[nodiscard]] std::string sentence(const Damage& damage, std::uint64_t packets, bool unpacked);

}  // namespace picket::rx
