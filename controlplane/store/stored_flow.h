// A part of a flow (or several added up) as picketd keeps it: the flow record without its transport.
//
// Plain value. Times are nanoseconds of UTC. `run` is the random id of a data plane's run: flow ids are
// unique only within it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "controlplane/store/flat_map.h"
#include "dataplane/api/events.h"

namespace picket::store {

// Beside api::FlowFlag, whose bits are the lower half: a record of a foreign log. Its TTL, IP ID, TOS,
// history and payload are not known.
inline constexpr std::uint32_t flow_imported = 1u << 31;

struct FlowKey {
    std::uint64_t id = 0;
    std::uint64_t run = 0;

    bool operator==(const FlowKey&) const = default;
    [[nodiscard]] std::uint64_t hash(const FlatHash& base) const noexcept {
        return base(id ^ run * 0x9e3779b97f4a7c15);
    }
};

// What the packets of a flow were wrapped in; as in api::FlowRecord.
struct Tunnel {
    api::Address source;
    api::Address destination;
    std::uint32_t id = 0;
    api::TunnelKind kind = api::TunnelKind::none;
    std::uint8_t depth = 0;
};

struct StoredFlow {
    std::uint64_t id = 0;
    std::uint64_t start_ns = 0;       // first packet of the flow
    std::uint64_t part_first_ns = 0;  // first and last packet of what is counted here
    std::uint64_t last_ns = 0;
    api::Address source;  // initiator
    api::Address destination;
    std::uint64_t run = 0;
    std::uint32_t part = 0;  // number of the newest part counted here
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    std::uint16_t vlan = 0;
    std::uint16_t vlan_inner = 0;
    std::uint16_t port = 0;
    std::uint8_t protocol = 0;
    api::EndReason end_reason = api::EndReason::live;
    api::ConnState state = api::ConnState::oth;
    std::uint8_t final = 0;
    std::uint16_t first_status = 0;
    std::uint32_t flags = 0;  // api::FlowFlag
    std::uint32_t requests = 0;
    std::uint32_t duplicates = 0;
    std::uint16_t rule_count = 0;
    std::uint32_t rule_generation = 0;
    std::array<std::uint32_t, api::flow_rules_max> rules{};
    std::array<char, 24> history{};
    std::uint64_t watch_lists = 0;
    std::uint64_t handshake_rtt_ns = 0;
    std::array<api::FlowDirection, 2> directions;
    Tunnel tunnel;
    std::uint16_t icmp_error = 0;  // type << 8 | code, with api::flow_icmp_quoted

    [[nodiscard]] FlowKey key() const noexcept { return {id, run}; }
    [[nodiscard]] std::uint64_t packets() const noexcept {
        return directions[0].packets + directions[1].packets;
    }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return directions[0].bytes + directions[1].bytes; }
    [[nodiscard]] std::uint64_t lost_bytes() const noexcept {
        return directions[0].lost_bytes + directions[1].lost_bytes;
    }
    // Did the responder send layer-4 payload? Told by the history where first bytes are not kept.
    [[nodiscard]] bool responder_sent_payload() const noexcept {
        if (directions[1].payload_first_length > 0 || first_status != 0) return true;
        return std::string_view(history.data()).find('d') != std::string_view::npos;
    }
    [[nodiscard]] bool went_both_ways() const noexcept {
        return directions[0].packets != 0 && directions[1].packets != 0;
    }
    [[nodiscard]] bool is_imported() const noexcept { return (flags & flow_imported) != 0; }
    [[nodiscard]] bool is_live() const noexcept { return end_reason == api::EndReason::live; }
    [[nodiscard]] unsigned rules_kept() const noexcept {
        return rule_count < api::flow_rules_max ? rule_count : api::flow_rules_max;
    }
};

// From a record, with its times moved to UTC. Enumerations out of range become their neutral value.
StoredFlow store_flow(const api::FlowRecord& record, std::int64_t utc_minus_packet_ns,
                      std::uint64_t run) noexcept;

// Adds a part of the same flow to total, in any order of parts. What describes the whole flow so far is
// taken from the newer of both.
void add_part(StoredFlow& total, const StoredFlow& part) noexcept;

}  // namespace picket::store
