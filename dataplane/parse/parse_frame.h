// From a frame to a packet: link layer, tags, IP, extension headers, transport.
//
// Pure functions over memory; safe on any bytes, from any thread. Checksums are not judged: a tap sees
// packets before offload engines fill them in.
#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/api/outcomes.h"
#include "dataplane/flow/flow_key.h"
#include "dataplane/parse/byte_cursor.h"
#include "dataplane/parse/packet.h"
#include "dataplane/rx/frame.h"

namespace picket::parse {

struct ParseSettings {
    bool vlan_in_key = false;
};

// The result: nothing if the packet belongs to a flow (its fields and key are filled in), else the outcome
// that names why not.
using ParseResult = std::optional<api::Outcome>;

// Parses one frame into `packet`, whatever its fields were.
[[nodiscard]] ParseResult parse_frame(const rx::Frame& frame, const ParseSettings& settings,
                                      const flow::KeyedHash& hash, Packet& packet) noexcept;

// --- the layers, each from its first byte ---------------------------------------------------------------

// cut: bytes that the wire had beyond the cursor's end (snapshot length), so that a header which is missing
// for that reason is `truncated` and not `malformed_*`.
struct LayerContext {
    const ParseSettings& settings;
    const flow::KeyedHash& hash;
    std::uint32_t cut = 0;
};

[[nodiscard]] ParseResult parse_ipv4(ByteCursor cursor, const LayerContext& context, Packet& packet) noexcept;
[[nodiscard]] ParseResult parse_ipv6(ByteCursor cursor, const LayerContext& context, Packet& packet) noexcept;

// Ports, flags and payload of a transport header; source and destination port in the order of the packet.
struct Ports {
    std::uint16_t source = 0;
    std::uint16_t destination = 0;
};
[[nodiscard]] ParseResult parse_transport(ByteCursor cursor, std::uint8_t protocol, std::uint32_t length,
                                          bool cut, Packet& packet, Ports& ports) noexcept;

}  // namespace picket::parse
