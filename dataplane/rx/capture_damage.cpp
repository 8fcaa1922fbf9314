#include "dataplane/rx/capture_damage.h"

#include <cstring>

namespace picket::rx {

namespace {

std::string count(std::uint64_t number, const char* noun) {
    return std::to_string(number) + " " + noun + (number == 1 ? "" : "s");
}

std::string what(const Damage& d) {
    const std::string found = std::to_string(d.found);
    const std::string wanted = std::to_string(d.wanted);
    switch (d.kind) {
        case DamageKind::none:
            return {};
        case DamageKind::cut_file_header:
            return "the file ends " + count(d.found, "byte") + " into its header of " + wanted;
        case DamageKind::cut_record_header:
            return "the file ends " + count(d.found, "byte") + " into a record header of " + wanted;
        case DamageKind::cut_packet:
            return "the file ends " + count(d.found, "byte") + " into a packet of " + wanted;
        case DamageKind::cut_block_header:
            return "the file ends " + count(d.found, "byte") + " into a block header of " + wanted;
        case DamageKind::cut_block:
            return "the file ends " + count(d.found, "byte") + " into a block of " + wanted;
        case DamageKind::pcap_version:
            return "pcap version " + found + " is not supported (2 and later are)";
        case DamageKind::pcap_network_reserved:
            return "the reserved bits of the link type are set (" + found + ")";
        case DamageKind::packet_too_large:
            return "a packet claims " + count(d.found, "captured byte") + ", more than the possible " +
                   wanted;
        case DamageKind::section_magic:
            return "a pcapng section has the unknown byte order mark " + found;
        case DamageKind::section_version:
            return "a pcapng section has the unknown version " + found + "." + wanted;
        case DamageKind::block_too_short:
            return "a block claims a length of " + found + ", less than the least, " + wanted;
        case DamageKind::block_too_large:
            return "a block claims a length of " + found + ", more than the largest, " + wanted;
        case DamageKind::block_lengths_differ:
            return "the two lengths of a block differ (" + wanted + " and " + found + ")";
        case DamageKind::packet_outside_block:
            return "a packet of " + count(d.found, "byte") + " does not fit its block of " + wanted;
        case DamageKind::no_interface:
            return "a packet names interface " + found + " of " + wanted + " described before it";
        case DamageKind::too_many_interfaces:
            return "the file describes more than " + count(d.wanted, "interface");
        case DamageKind::option_outside_block:
            return "an option of " + count(d.found, "byte") + " runs out of its block, which has " + wanted +
                   " left";
        case DamageKind::option_length:
            return "an option has a length of " + found + " where " + wanted + " is expected";
        case DamageKind::name_record:
            return "a name resolution record of " + count(d.found, "byte") + " is malformed";
        case DamageKind::secrets_too_large:
            return "a decryption secrets block claims " + count(d.found, "byte") + " of secrets";
        case DamageKind::gzip_cut:
            return "the gzip data ends early (" + count(d.found, "byte") + " of it could be read)";
        case DamageKind::gzip_corrupt:
            return "the gzip data is corrupt near its byte " + found;
        case DamageKind::gzip_trailing:
            return "bytes that are not gzip data follow the gzip data, from its byte " + found;
        case DamageKind::unpack_limit:
            return "unpacking stopped at the limit of " + count(d.wanted, "byte") +
                   "; unpack the file yourself and give its name";
        case DamageKind::unpack_write:
            return std::string("the temporary file could not be written (") +
                   std::strerror(static_cast<int>(d.found)) + "); set TMPDIR to a folder with room";
        case DamageKind::read_failed:
            return std::string("reading failed (") + std::strerror(static_cast<int>(d.found)) + ")";
    }
    return {};
}

}  // namespace

bool is_cut(DamageKind kind) noexcept {
    switch (kind) {
        case DamageKind::cut_file_header:
        case DamageKind::cut_record_header:
        case DamageKind::cut_packet:
        case DamageKind::cut_block_header:
        case DamageKind::cut_block:
        case DamageKind::gzip_cut:
        case DamageKind::unpack_limit:
        case DamageKind::unpack_write:
        case DamageKind::read_failed:
            return true;
        default:
            return false;
    }
}

std::string sentence(const Damage& damage, std::uint64_t packets, bool unpacked) {
    if (!damage.any()) return {};
    return "after " + count(packets, "packet") + ", at byte " + std::to_string(damage.offset) +
           (unpacked ? " of the unpacked data: " : ": ") + what(damage);
}

}  // namespace picket::rx
