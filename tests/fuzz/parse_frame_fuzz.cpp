// One frame through both parsers: every pointer of the packet lies in the frame, the result depends on
// nothing but the frame, and what the short way takes the general parser sees likewise.
//
// Input: link type, settings (bit 0: VLAN in the key, bit 1: the wire had more), the frame.
#include <cstring>
#include <tuple>

#include "dataplane/parse/parse_frame.h"
#include "dataplane/parse/parse_plain.h"
#include "tests/fuzz/frame_input.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/flow_harness.h"

namespace picket {
namespace {

using fuzz::require;

auto fields_of(const parse::Packet& packet) {
    return std::tuple(packet.key, packet.time_ns, packet.sequence, packet.ipv6, packet.payload,
                      packet.payload_captured, packet.payload_length, packet.ip_bytes, packet.tcp_sequence,
                      packet.tcp_acknowledgment, packet.ip_id, packet.vlan, packet.vlan_inner, packet.port,
                      packet.side, packet.ttl, packet.tos, packet.tcp_flags, packet.flags);
}

void check_pointers(const rx::Frame& frame, const parse::Packet& packet) {
    const auto* end = frame.data + frame.captured_length;
    require(packet.side <= 1, "a packet has two sides");
    require(packet.payload_captured <= packet.payload_length, "no more payload captured than there was");
    if (packet.payload_captured != 0) {
        require(packet.payload >= frame.data && packet.payload + packet.payload_captured <= end,
                "the payload lies in the frame");
    }
    if (packet.ipv6 != nullptr) {
        require(packet.ipv6 >= frame.data && packet.ipv6 + 32 <= end, "the addresses lie in the frame");
    }
    require((packet.ipv6 != nullptr) == (packet.key.family == 6), "IPv6 packets have their addresses");
}

}  // namespace
}  // namespace picket

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace picket;
    fuzz::Input input(data, size);
    rx::Frame frame;
    frame.link_type = fuzz::link_type_of(input.u8());
    const std::uint8_t settings_bits = input.u8();
    const auto bytes = fuzz::own_block(input.rest());
    frame.data = bytes.data();
    frame.captured_length = static_cast<std::uint32_t>(bytes.size());
    frame.wire_length = frame.captured_length + ((settings_bits & 2) != 0 ? 200 : 0);
    frame.time_ns = 1;
    frame.sequence = 2;
    frame.port = 3;
    const parse::ParseSettings settings{(settings_bits & 1) != 0};

    parse::Packet packet;
    parse::Packet again;
    std::memset(static_cast<void*>(&packet), 0x00, sizeof packet);
    std::memset(static_cast<void*>(&again), 0xff, sizeof again);
    const auto outcome = parse::parse_frame(frame, settings, testing::test_hash, packet);
    require(parse::parse_frame(frame, settings, testing::test_hash, again) == outcome,
            "the outcome depends on the frame alone");
    require(!outcome || *outcome < api::Outcome::count_, "an outcome is one of those that are counted");
    if (!outcome) {
        check_pointers(frame, packet);
        require(fields_of(packet) == fields_of(again), "the packet depends on the frame alone");
    }

    parse::Packet plain;
    std::memset(static_cast<void*>(&plain), 0xa5, sizeof plain);
    if (parse::parse_plain(frame, testing::test_hash, plain)) {
        require(!outcome, "what the short way takes belongs to a flow");
        require(fields_of(plain) == fields_of(packet), "both ways see the same packet");
        require(plain.hash == testing::test_hash(plain.key), "the hash is that of the key");
    }
    return 0;
}
