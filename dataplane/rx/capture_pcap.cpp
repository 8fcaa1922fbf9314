#include "dataplane/rx/capture_pcap.h"

#include <array>
#include <utility>

namespace picket::rx {

namespace {

constexpr std::uint32_t magic_micro = 0xa1b2c3d4;
constexpr std::uint32_t magic_nano = 0xa1b23c4d;
constexpr std::uint32_t magic_modified = 0xa1b2cd34;
constexpr std::uint32_t magic_ixia_nano = 0x1c0001ac;
constexpr std::uint32_t magic_ixia_micro = 0x1c0001ab;

constexpr std::uint32_t file_header = 24;
constexpr std::uint8_t plain_record = 16;
constexpr std::uint8_t nokia_record = 20;
constexpr std::uint8_t modified_record = 24;  // patches of 1999-04-17 and 1999-10-29
constexpr std::uint8_t debug_record = 28;     // patch of 1999-09-15

bool known_magic(std::uint32_t magic) noexcept {
    return magic == magic_micro || magic == magic_nano || magic == magic_modified ||
           magic == magic_ixia_nano || magic == magic_ixia_micro;
}

void order_lengths(PcapLayout::Lengths lengths, std::uint32_t& captured, std::uint32_t& wire) noexcept {
    if (lengths == PcapLayout::Lengths::captured_first) return;
    if (lengths == PcapLayout::Lengths::wire_first || captured > wire) std::swap(captured, wire);
}

// How many things look wrong in the first record that looks wrong, of those that Wireshark tries, if the
// record headers have this length; 0 if none does.
unsigned demerits(std::span<const std::uint8_t> bytes, const PcapLayout& layout,
                  std::uint32_t snap_length) noexcept {
    constexpr int records_tried = 3;
    constexpr std::uint32_t wire_length_max = 128U << 20;  // more than any packet on any wire
    constexpr std::uint32_t units_a_second = 1'000'000;
    std::size_t at = layout.first_record;
    for (int i = 0; i < records_tried && at != bytes.size(); ++i) {
        if (bytes.size() - at < layout.record_header) return 1;
        const std::uint8_t* header = bytes.data() + at;
        std::uint32_t captured = load32(header + 8, layout.swapped);
        std::uint32_t wire = load32(header + 12, layout.swapped);
        order_lengths(layout.lengths, captured, wire);
        unsigned wrong = 0;
        wrong += load32(header + 4, layout.swapped) >= units_a_second;
        wrong += captured > layout.packet_max;
        wrong += wire > wire_length_max;
        wrong += captured > snap_length;
        wrong += captured > wire;
        if (wrong != 0) return wrong;
        if (bytes.size() - at - layout.record_header < captured) return 1;
        at += layout.record_header + captured;
    }
    return 0;
}

void guess_variant(std::span<const std::uint8_t> bytes, std::span<const std::uint8_t> record_headers,
                   std::uint32_t snap_length, PcapLayout& layout) noexcept {
    unsigned fewest = ~0U;
    PcapLayout trial = layout;
    for (const std::uint8_t record_header : record_headers) {
        trial.record_header = record_header;
        const unsigned wrong = demerits(bytes, trial, snap_length);
        if (wrong >= fewest) continue;
        fewest = wrong;
        layout.record_header = record_header;
    }
}

// AIX writes version 2.2, nanoseconds, and interface types of RFC 1573 for the link type. Returns false if
// the file is not one of AIX's.
bool adapt_to_aix(std::uint32_t& network, PcapLayout& layout) noexcept {
    switch (network) {
        case 6:
            network = 1;
            break;
        case 9:
            network = 6;  // token ring
            break;
        case 15:
            network = 10;  // FDDI: three bytes of padding before each frame
            layout.record_padding = 3;
            break;
        case 24:
            network = 0;
            break;
        default:
            return false;
    }
    layout.fraction_ns = 1;
    return true;
}

void read_length_order(std::uint16_t major, std::uint16_t minor, PcapLayout& layout) noexcept {
    // Before version 2.3 the length on the wire came first; of 2.3 both kinds exist. 543 is DG/UX's tcpdump.
    if ((major == 2 && minor < 3) || major == 543) layout.lengths = PcapLayout::Lengths::wire_first;
    if (major == 2 && minor == 3) layout.lengths = PcapLayout::Lengths::either;
}

}  // namespace

Damage read_pcap_layout(std::span<const std::uint8_t> bytes, PcapLayout& layout) noexcept {
    std::uint32_t magic = load32(bytes.data(), false);
    layout.swapped = !known_magic(magic);
    if (layout.swapped) magic = __builtin_bswap32(magic);
    const bool ixia = magic == magic_ixia_nano || magic == magic_ixia_micro;
    layout.first_record = file_header + (ixia ? 4 : 0);
    if (bytes.size() < layout.first_record)
        return {DamageKind::cut_file_header, 0, bytes.size(), layout.first_record};

    const std::uint16_t major = load16(bytes.data() + 4, layout.swapped);
    const std::uint16_t minor = load16(bytes.data() + 6, layout.swapped);
    const std::uint32_t snap_length = load32(bytes.data() + 16, layout.swapped);
    std::uint32_t network = load32(bytes.data() + 20, layout.swapped);
    if (major < 2) return {DamageKind::pcap_version, 4, major, 2};
    read_length_order(major, minor, layout);
    layout.fraction_ns = magic == magic_nano || magic == magic_ixia_nano ? 1 : 1000;
    const bool aix = magic == magic_micro && major == 2 && minor == 2 && adapt_to_aix(network, layout);

    // The upper bits: length of the frame check sequence (4 bits), a reserved bit, whether that length is
    // there, ten reserved bits. The link type is the lower half.
    constexpr std::uint32_t reserved = 0x03ff0000;
    if ((network & reserved) != 0) return {DamageKind::pcap_network_reserved, 20, network & reserved, 0};
    layout.link_type = static_cast<LinkType>(network & 0xffff);
    layout.packet_max = packet_bytes_max(network & 0xffff);

    constexpr std::array<std::uint8_t, 3> standard = {plain_record, modified_record, nokia_record};
    constexpr std::array<std::uint8_t, 2> modified = {modified_record, debug_record};
    if (magic == magic_micro && !aix) guess_variant(bytes, standard, snap_length, layout);
    if (magic == magic_modified) guess_variant(bytes, modified, snap_length, layout);
    return {};
}

void PcapWalker::order_lengths(std::uint32_t& captured, std::uint32_t& wire) const noexcept {
    picket::rx::order_lengths(layout_.lengths, captured, wire);
}

WalkStep PcapWalker::damaged(DamageKind kind, std::uint64_t found, std::uint64_t wanted) noexcept {
    damage_ = {kind, offset(), found, wanted};
    return WalkStep::damaged;
}

}  // namespace picket::rx
