#include "dataplane/rx/rss.h"

#include <algorithm>

namespace picket::rx {
namespace {

constexpr std::array<std::uint8_t, rss_key_bytes_max> make_symmetric_key() {
    std::array<std::uint8_t, rss_key_bytes_max> key{};
    for (std::size_t i = 0; i < key.size(); ++i) {
        key[i] = i % 2 == 0 ? 0x6d : 0x5a;
    }
    return key;
}

constexpr std::array<std::uint8_t, 40> microsoft_key_bytes = {
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
    0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
    0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

constexpr std::size_t ipv6_tuple_bytes = 36;  // two addresses and two ports

// The 32 bits of the key that begin at bit.
constexpr std::uint32_t key_window(std::span<const std::uint8_t> key, std::size_t bit) {
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < 5; ++i) {
        bytes = bytes << 8 | key[bit / 8 + i];
    }
    return static_cast<std::uint32_t>(bytes >> (8 - bit % 8));
}

// PERF: the bitwise form costs 96 dependent steps for an IPv4 4-tuple. The hash is linear, so a table of the
// 16 values of each nibble of the input makes it two loads and exclusive-ors a byte; 4.5 KiB stay in L1.
using NibbleTable = std::array<std::array<std::uint32_t, 16>, 2 * ipv6_tuple_bytes>;

constexpr NibbleTable make_table(std::span<const std::uint8_t> key) {
    NibbleTable table{};
    for (std::size_t nibble = 0; nibble < table.size(); ++nibble) {
        for (std::size_t value = 0; value < 16; ++value) {
            for (std::size_t bit = 0; bit < 4; ++bit) {
                if ((value & (8U >> bit)) != 0) {
                    table[nibble][value] ^= key_window(key, nibble * 4 + bit);
                }
            }
        }
    }
    return table;
}

constexpr NibbleTable symmetric_table = make_table(make_symmetric_key());
constexpr NibbleTable microsoft_table = make_table(microsoft_key_bytes);

class TupleHash {
  public:
    explicit TupleHash(const NibbleTable& table) noexcept : table_(table) {}

    // REQUIRES: at most ipv6_tuple_bytes in all.
    void add(std::span<const std::uint8_t> bytes) noexcept {
        for (const std::uint8_t byte : bytes) {
            hash_ ^= table_[nibble_][byte >> 4] ^ table_[nibble_ + 1][byte & 15];
            nibble_ += 2;
        }
    }
    [[nodiscard]] std::uint32_t value() const noexcept { return hash_; }

  private:
    const NibbleTable& table_;
    std::size_t nibble_ = 0;
    std::uint32_t hash_ = 0;
};

constexpr std::uint16_t ethertype_ipv4 = 0x0800;
constexpr std::uint16_t ethertype_ipv6 = 0x86dd;
constexpr std::uint8_t protocol_tcp = 6;
constexpr std::uint8_t protocol_udp = 17;
constexpr std::size_t port_pair_bytes = 4;

std::uint16_t big_endian_16(std::span<const std::uint8_t> bytes, std::size_t at) noexcept {
    return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

bool is_vlan(std::uint16_t ethertype) noexcept {
    return ethertype == 0x8100 || ethertype == 0x88a8 || ethertype == 0x9100;
}

// The IP packet in an Ethernet frame, empty where there is none.
std::span<const std::uint8_t> ip_of_ethernet(std::span<const std::uint8_t> frame) noexcept {
    constexpr std::size_t vlan_tags_max = 2;
    std::size_t at = 12;
    for (std::size_t tags = 0; tags <= vlan_tags_max; ++tags, at += 4) {
        if (frame.size() < at + 2) {
            return {};
        }
        const std::uint16_t ethertype = big_endian_16(frame, at);
        if (ethertype == ethertype_ipv4 || ethertype == ethertype_ipv6) {
            return frame.subspan(at + 2);
        }
        if (!is_vlan(ethertype)) {
            return {};
        }
    }
    return {};
}

bool has_ports(std::uint8_t protocol) noexcept {
    return protocol == protocol_tcp || protocol == protocol_udp;
}

std::uint32_t hash_ipv4(std::span<const std::uint8_t> packet, TupleHash hash, bool with_ports) noexcept {
    constexpr std::size_t header_bytes_min = 20;
    if (packet.size() < header_bytes_min) {
        return 0;
    }
    hash.add(packet.subspan(12, 8));
    const std::size_t header_bytes = (packet[0] & 15U) * 4U;
    const bool fragment = (big_endian_16(packet, 6) & 0x3fffU) != 0;  // more fragments, or an offset
    if (with_ports && !fragment && has_ports(packet[9]) && header_bytes >= header_bytes_min &&
        packet.size() >= header_bytes + port_pair_bytes) {
        hash.add(packet.subspan(header_bytes, port_pair_bytes));
    }
    return hash.value();
}

std::uint32_t hash_ipv6(std::span<const std::uint8_t> packet, TupleHash hash, bool with_ports) noexcept {
    constexpr std::size_t header_bytes = 40;
    if (packet.size() < header_bytes) {
        return 0;
    }
    hash.add(packet.subspan(8, 32));
    if (with_ports && has_ports(packet[6]) && packet.size() >= header_bytes + port_pair_bytes) {
        hash.add(packet.subspan(header_bytes, port_pair_bytes));
    }
    return hash.value();
}

}  // namespace

const std::array<std::uint8_t, rss_key_bytes_max> symmetric_key = make_symmetric_key();
const std::array<std::uint8_t, 40> microsoft_key = microsoft_key_bytes;

std::uint32_t toeplitz_hash(std::span<const std::uint8_t> input, std::span<const std::uint8_t> key) noexcept {
    std::uint32_t hash = 0;
    for (std::size_t bit = 0; bit < input.size() * 8 && bit / 8 + 5 <= key.size(); ++bit) {
        if ((input[bit / 8] & (0x80U >> bit % 8)) != 0) {
            hash ^= key_window(key, bit);
        }
    }
    return hash;
}

std::uint32_t rss_hash(const Frame& frame, RssModel model) noexcept {
    std::span<const std::uint8_t> packet(frame.data, frame.captured_length);
    switch (frame.link_type) {
        case LinkType::ethernet:
            packet = ip_of_ethernet(packet);
            break;
        case LinkType::raw_ip:
        case LinkType::raw_ip_12:
        case LinkType::ipv4:
        case LinkType::ipv6:
            break;
        default:
            return 0;  // no NIC parses these
    }
    if (packet.empty()) {
        return 0;
    }
    const TupleHash hash(model == RssModel::none ? microsoft_table : symmetric_table);
    const bool with_ports = model != RssModel::two_tuple;
    switch (packet[0] >> 4) {
        case 4:
            return hash_ipv4(packet, hash, with_ports);
        case 6:
            return hash_ipv6(packet, hash, with_ports);
        default:
            return 0;
    }
}

std::vector<std::uint16_t> make_reta(std::size_t entries, std::uint16_t queues) {
    std::vector<std::uint16_t> table(entries);
    for (std::size_t i = 0; i < entries; ++i) {
        table[i] = static_cast<std::uint16_t>(i % reta_entries_default % queues);
    }
    return table;
}

}  // namespace picket::rx
