#include "controlplane/import/ipfix_template.h"

#include <algorithm>
#include <array>

namespace picket::importer {
namespace {

constexpr std::uint32_t iana = 0;
constexpr std::uint32_t reverse = 29305;  // RFC 5103 §6.1

struct Element {
    std::uint32_t enterprise;
    std::uint16_t id;
    IpfixTake take;
    std::uint16_t length_min;  // bytes; numbers may be sent in fewer than their type has (RFC 7011 §6.2)
    std::uint16_t length_max;
};

// IANA's registry of information elements.
constexpr std::array elements{
    Element{iana, 1, IpfixTake::bytes, 1, 8},
    Element{iana, 2, IpfixTake::packets, 1, 8},
    Element{iana, 4, IpfixTake::protocol, 1, 1},
    Element{iana, 6, IpfixTake::flags, 1, 2},
    Element{iana, 7, IpfixTake::source_port, 1, 2},
    Element{iana, 8, IpfixTake::source_v4, 4, 4},
    Element{iana, 11, IpfixTake::destination_port, 1, 2},
    Element{iana, 12, IpfixTake::destination_v4, 4, 4},
    Element{iana, 21, IpfixTake::end_uptime_ms, 1, 4},
    Element{iana, 22, IpfixTake::start_uptime_ms, 1, 4},
    Element{iana, 27, IpfixTake::source_v6, 16, 16},
    Element{iana, 28, IpfixTake::destination_v6, 16, 16},
    Element{iana, 58, IpfixTake::vlan, 1, 2},
    Element{iana, 85, IpfixTake::bytes_total, 1, 8},
    Element{iana, 86, IpfixTake::packets_total, 1, 8},
    Element{iana, 150, IpfixTake::start_s, 4, 4},
    Element{iana, 151, IpfixTake::end_s, 4, 4},
    Element{iana, 152, IpfixTake::start_ms, 8, 8},
    Element{iana, 153, IpfixTake::end_ms, 8, 8},
    Element{iana, 154, IpfixTake::start_ntp_us, 8, 8},
    Element{iana, 155, IpfixTake::end_ntp_us, 8, 8},
    Element{iana, 156, IpfixTake::start_ntp_ns, 8, 8},
    Element{iana, 157, IpfixTake::end_ntp_ns, 8, 8},
    Element{iana, 158, IpfixTake::start_before_export_us, 1, 4},
    Element{iana, 159, IpfixTake::end_before_export_us, 1, 4},
    Element{iana, 160, IpfixTake::boot_ms, 8, 8},
    Element{iana, 161, IpfixTake::duration_ms, 1, 4},
    Element{iana, 162, IpfixTake::duration_us, 1, 4},
    Element{iana, 180, IpfixTake::source_port, 1, 2},
    Element{iana, 181, IpfixTake::destination_port, 1, 2},
    Element{iana, 182, IpfixTake::source_port, 1, 2},
    Element{iana, 183, IpfixTake::destination_port, 1, 2},
    Element{iana, 243, IpfixTake::vlan, 1, 2},
    Element{reverse, 1, IpfixTake::bytes_back, 1, 8},
    Element{reverse, 2, IpfixTake::packets_back, 1, 8},
    Element{reverse, 6, IpfixTake::flags_back, 1, 2},
    Element{reverse, 85, IpfixTake::bytes_back_total, 1, 8},
    Element{reverse, 86, IpfixTake::packets_back_total, 1, 8},
};

}  // namespace

IpfixTake ipfix_take_of(std::uint32_t enterprise, std::uint16_t id, std::uint16_t length) noexcept {
    const auto* found = std::ranges::find_if(elements, [&](const Element& element) {
        return element.enterprise == enterprise && element.id == id;
    });
    if (found == elements.end() || length < found->length_min || length > found->length_max)
        return IpfixTake::nothing;
    return found->take;
}

std::optional<IpfixTemplate> parse_ipfix_fields(parse::ByteCursor& bytes, std::size_t count) {
    constexpr unsigned enterprise_bit = 0x8000;
    IpfixTemplate read;
    for (std::size_t i = 0; i < count && !bytes.failed(); ++i) {
        const std::uint16_t id = bytes.u16();
        const std::uint16_t length = bytes.u16();
        const std::uint32_t enterprise = (id & enterprise_bit) != 0 ? bytes.u32() : iana;
        const auto element = static_cast<std::uint16_t>(id & ~enterprise_bit);
        read.fields.push_back({ipfix_take_of(enterprise, element, length), length});
        read.length_min += length == ipfix_variable_length ? 1 : length;
    }
    if (bytes.failed() || read.length_min == 0) return std::nullopt;
    return read;
}

}  // namespace picket::importer
