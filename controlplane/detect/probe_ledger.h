// The probe ledger: each rule hit joined with what became of it, and the attempts that never got so far.
//
// Seen is a hit. Inferred is a TCP connection that the source of a hit tried to the same port, to whatever
// host, within the same campaign, without sending a request: of a worm's probes most end so. A campaign is a
// run of hits and such attempts of one source to one port with no pause longer than campaign_pause_ns that
// holds a hit; an attempt counts for the rule of the hit nearest to it in time.
//
// Pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "controlplane/store/hit_store.h"
#include "controlplane/store/outcome.h"
#include "controlplane/store/stored_flow.h"
#include "controlplane/store/stored_request.h"

namespace picket::detect {

inline constexpr std::uint64_t campaign_pause_ns = 600'000'000'000;
// How far campaigns are followed outside of the interval that is asked for: a ledger of an interval is made
// of the hits and flows of one that is so much wider on both sides.
inline constexpr std::uint64_t campaign_reach_ns = 6 * campaign_pause_ns;

struct Probe {
    bool inferred = false;
    std::uint64_t time_ns = 0;
    store::FlowKey flow;
    api::Address source;
    api::Address destination;
    std::uint16_t source_port = 0;
    std::uint16_t port = 0;
    std::uint16_t vlan = 0;
    std::uint8_t protocol = 0;
    std::uint64_t campaign = 0;  // number, unique within a ledger
    // The rule that was hit, or would have been.
    std::uint32_t gid = 1;
    std::uint32_t sid = 0;
    std::uint32_t rev = 0;
    std::uint32_t severity = 3;
    std::string message;
    // Of what was sent; empty where no request was seen.
    std::uint32_t request = api::request_none;
    std::string method;
    std::string uri;
    std::string host;
    std::string referer;
    // What came back.
    store::FlowOutcome outcome = store::FlowOutcome::unknown;
    std::uint16_t status = 0;
    std::string content_type;
    std::int64_t content_length = -1;  // as declared
    std::uint64_t bytes_back = 0;      // of the response's body; of other answers, IP bytes
    std::uint64_t answered_ns = 0;
    bool lost = false;  // the flow has lost packets: the answer may be among them
};

struct ProbeSource {  // one source and rule
    api::Address source;
    std::uint16_t port = 0;  // of the last probe
    std::uint32_t gid = 1;
    std::uint32_t sid = 0;
    std::string message;
    std::uint64_t first_ns = 0;
    std::uint64_t last_ns = 0;
    std::uint64_t destinations = 0;
    std::uint64_t seen = 0;
    std::uint64_t inferred = 0;
    std::array<std::uint64_t, store::outcome_texts.size()> outcomes{};
    std::uint64_t campaigns = 1;  // more than one: it stopped and resumed
    bool stopped = false;         // nothing for longer than its pace lets expect
    bool stopped_after_first_answer = false;

    [[nodiscard]] double per_minute() const noexcept;
};

// Where requests are found: those of a flow, in their order.
using RequestsOf = std::function<std::vector<store::StoredRequest>(const store::FlowKey&)>;

// hits: oldest first. flows: whole ones, with all of the hits' flows and of their sources' attempts. The
// ledger by time.
[[nodiscard]] std::vector<Probe> make_ledger(const store::Hits& hits,
                                             std::span<const store::StoredFlow* const> flows,
                                             const RequestsOf& requests_of);

// By source and rule, in the order of their last probe, newest first. now_ns tells who has stopped.
[[nodiscard]] std::vector<ProbeSource> group_by_source(std::span<const Probe> probes, std::uint64_t now_ns);

}  // namespace picket::detect
