// Templates of IPFIX (RFC 7011 §3.4): which fields a record has, and what is taken of them.
//
// Values and pure functions; not thread-safe. Fields that are not taken are skipped by their length, also
// lists and structured data (RFC 6313).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "dataplane/api/byte_cursor.h"

namespace picket::importer {

// What is taken of a record. Those of one kind stand from the coarse to the fine: the finest is used.
enum class IpfixTake : std::uint8_t {
    nothing,
    source_v4,
    source_v6,
    destination_v4,
    destination_v6,
    source_port,
    destination_port,
    protocol,
    packets_total,
    packets,
    bytes_total,
    bytes,
    flags,
    packets_back_total,  // RFC 5103: of the other direction
    packets_back,
    bytes_back_total,
    bytes_back,
    flags_back,
    vlan,
    boot_ms,
    start_uptime_ms,
    start_s,
    start_before_export_us,
    start_ms,
    start_ntp_us,
    start_ntp_ns,
    end_uptime_ms,
    end_s,
    end_before_export_us,
    end_ms,
    end_ntp_us,
    end_ntp_ns,
    duration_ms,
    duration_us,
};
inline constexpr std::size_t ipfix_takes = static_cast<std::size_t>(IpfixTake::duration_us) + 1;

struct IpfixField {
    IpfixTake take = IpfixTake::nothing;
    std::uint16_t length = 0;  // bytes; ipfix_variable_length: each record tells it

    bool operator==(const IpfixField&) const = default;
};
inline constexpr std::uint16_t ipfix_variable_length = 65535;

struct IpfixTemplate {
    std::vector<IpfixField> fields;
    std::size_t length_min = 0;  // bytes of the shortest record, more than 0
    bool options = false;        // its records tell of the exporter, not of flows
};

// What element `id` is taken for. A length that its type cannot have: nothing.
[[nodiscard]] IpfixTake ipfix_take_of(std::uint32_t enterprise, std::uint16_t id,
                                      std::uint16_t length) noexcept;

// `count` field specifiers; nothing if the bytes end before them, or if its records would be empty.
[[nodiscard]] std::optional<IpfixTemplate> parse_ipfix_fields(parse::ByteCursor& bytes, std::size_t count);

}  // namespace picket::importer
