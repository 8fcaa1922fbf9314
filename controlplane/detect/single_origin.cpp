#include "controlplane/detect/single_origin.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <tuple>

#include "controlplane/detect/origin_evidence.h"
#include "controlplane/store/protocol_text.h"

namespace picket::detect {
namespace {

using store::StoredFlow;
using Flows = std::vector<const StoredFlow*>;
using Target = std::tuple<api::Address, std::uint16_t, std::uint8_t>;

// Of the sources without a dialogue, so many must share the TTL before it says anything: a group that was
// picked from many by its TTL agrees by construction.
constexpr double ttl_share_min = 0.9;

struct AddressOrder {
    bool operator()(const api::Address& a, const api::Address& b) const noexcept { return a.bytes < b.bytes; }
};
struct TargetOrder {
    bool operator()(const Target& a, const Target& b) const noexcept {
        return std::tie(std::get<0>(a).bytes, std::get<1>(a), std::get<2>(a)) <
               std::tie(std::get<0>(b).bytes, std::get<1>(b), std::get<2>(b));
    }
};
using AddressSet = std::set<api::Address, AddressOrder>;

// The source went on after an answer, which a forger does not get to see.
bool has_dialogue(const StoredFlow& flow) noexcept {
    const auto& out = flow.directions[0];
    const auto& back = flow.directions[1];
    if (back.packets == 0) return false;
    if (flow.protocol == store::protocol_tcp) {
        return flow.handshake_rtt_ns != 0 || (flow.requests != 0 && flow.responder_sent_payload());
    }
    return out.packets > 1 && out.last_ns > back.first_ns;
}

std::uint32_t network_of(const api::Address& address) noexcept {
    const auto& bytes = address.bytes;
    if (address.is_ipv4()) return bytes[12];
    return std::uint32_t{bytes[0]} << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

AddressSet sources_of(const Flows& flows) {
    AddressSet sources;
    for (const StoredFlow* flow : flows) sources.insert(flow->source);
    return sources;
}

std::size_t networks_of(const AddressSet& sources) {
    std::set<std::uint32_t> networks;
    for (const api::Address& source : sources) networks.insert(network_of(source));
    return networks.size();
}

bool is_group(const AddressSet& sources) {
    return sources.size() >= origin_sources_min && networks_of(sources) >= origin_networks_min;
}

OriginGroup group_of(const Target& target, const Flows& flows, const AddressSet& sources) {
    OriginGroup group;
    std::tie(group.destination, group.destination_port, group.protocol) = target;
    group.sources.assign(sources.begin(), sources.end());
    group.networks = networks_of(sources);
    for (const StoredFlow* flow : flows) group.totals.add(*flow, false);
    return group;
}

Confidence weigh(const Evidence& evidence, bool ttl_counts) noexcept {
    constexpr double high = 40;
    constexpr double medium = 20;
    constexpr double low = 10;
    const double bits = evidence.bits();
    // One agreement alone may be the tool's that many use, or the path's.
    if (bits >= high && ttl_counts && evidence.kinds() > 1) return Confidence::high;
    if (bits >= medium) return Confidence::medium;
    return bits >= low ? Confidence::low : Confidence::unknown;
}

// Groups of one destination and port: by TTL, as it is what every packet of one sender arrives with.
void look_at(const Target& target, const Flows& flows, std::vector<OriginGroup>& found) {
    AddressSet proven;
    for (const StoredFlow* flow : flows) {
        if (has_dialogue(*flow)) proven.insert(flow->source);
    }
    std::map<std::uint8_t, Flows> by_ttl;
    AddressSet unproven;
    for (const StoredFlow* flow : flows) {
        if (proven.contains(flow->source)) continue;
        unproven.insert(flow->source);
        by_ttl[flow->directions[0].ttl_min].push_back(flow);
    }
    for (auto& [ttl, members] : by_ttl) {
        const AddressSet sources = sources_of(members);
        if (!is_group(sources)) continue;
        std::ranges::sort(members, {}, [](const StoredFlow* flow) { return flow->start_ns; });
        OriginGroup group = group_of(target, members, sources);
        if (ttl == 0) {
            // No packet arrives with it: these records come from logs.
            group.reasons = {"these records hold no TTL, IP ID or TOS: such logs cannot tell"};
            found.push_back(std::move(group));
            continue;
        }
        const double share = static_cast<double>(sources.size()) / static_cast<double>(unproven.size());
        const bool ttl_counts = share >= ttl_share_min;
        const Evidence evidence = gather_evidence(members, group.sources.size(), ttl_counts);
        group.ttl = ttl;
        group.ip_id = evidence.ip_id;
        group.tos = evidence.tos;
        group.bits = evidence.bits();
        group.confidence = weigh(evidence, ttl_counts);
        group.reasons = evidence.sentences();
        if (group.confidence != Confidence::unknown) found.push_back(std::move(group));
    }
}

}  // namespace

std::string_view name_of(Confidence confidence) noexcept {
    constexpr std::array<std::string_view, 4> names{"unknown", "low", "medium", "high"};
    return names[static_cast<std::size_t>(confidence)];
}

std::vector<OriginGroup> find_single_origins(std::span<const StoredFlow* const> flows) {
    std::map<Target, Flows, TargetOrder> by_target;
    for (const StoredFlow* flow : flows) {
        by_target[{flow->destination, flow->destination_port, flow->protocol}].push_back(flow);
    }
    std::vector<OriginGroup> found;
    for (const auto& [target, members] : by_target) look_at(target, members, found);
    std::ranges::stable_sort(found, [](const OriginGroup& a, const OriginGroup& b) {
        return std::tie(a.confidence, a.bits) > std::tie(b.confidence, b.bits);
    });
    return found;
}

}  // namespace picket::detect
