#include "controlplane/store/query.h"

#include <algorithm>

#include "controlplane/store/protocol_text.h"

namespace picket::store {

namespace {

bool matches_ports(const Query& query, const StoredFlow& flow) noexcept {
    if (!query.port && !query.source_port && !query.destination_port) return true;
    // ICMP keeps its identifier and type where others have ports.
    if (!has_ports(flow.protocol)) return false;
    if (query.port && flow.source_port != *query.port && flow.destination_port != *query.port) return false;
    if (query.source_port && flow.source_port != *query.source_port) return false;
    return !query.destination_port || flow.destination_port == *query.destination_port;
}

bool either_end(const Networks& networks, const StoredFlow& flow) noexcept {
    return !networks || networks->contains(flow.source) || networks->contains(flow.destination);
}

bool matches_requests(const Query& query, const StoredFlow& flow, const QueryJoin& join) {
    if (!query.uri && !query.status) return true;
    if (flow.requests == 0 && !(flow.flags & api::flow_http)) return false;
    const auto requests = join.requests.of_flow(flow.key());
    return std::any_of(requests.begin(), requests.end(), [&](const StoredRequest& request) {
        if (query.status && request.status != *query.status) return false;
        return !query.uri || query.uri->matches(request.uri) ||
               (!request.uri_normalized.empty() && query.uri->matches(request.uri_normalized));
    });
}

}  // namespace

bool overlaps(const Query& query, std::uint64_t first_ns, std::uint64_t last_ns) noexcept {
    return (!query.since_ns || last_ns >= *query.since_ns) && (!query.until_ns || first_ns < *query.until_ns);
}

bool matches_ends(const Query& query, const StoredFlow& flow) noexcept {
    if (query.flow_id && flow.id != *query.flow_id) return false;
    if (query.protocol && flow.protocol != *query.protocol) return false;
    if (query.vlan && flow.vlan != *query.vlan) return false;
    if (!matches_ports(query, flow)) return false;
    if (query.source && !query.source->contains(flow.source)) return false;
    if (query.destination && !query.destination->contains(flow.destination)) return false;
    return either_end(query.hosts, flow) && either_end(query.watch, flow);
}

bool matches_rule(const RuleId& rule, const StoredFlow& flow, const RuleDirectory& rules) {
    if (flow.rule_count == 0) return false;
    const auto generation = rules.generation(flow.rule_generation);
    if (!generation) return false;
    return std::any_of(flow.rules.begin(), flow.rules.begin() + flow.rules_kept(), [&](std::uint32_t index) {
        const auto* info = generation->rule(index);
        return info && info->sid == rule.sid && (!rule.gid || info->gid == *rule.gid);
    });
}

bool is_of_addresses_and_times(const Query& query) noexcept {
    return !query.flow_id && !query.port && !query.source_port && !query.destination_port &&
           !query.protocol && !query.vlan && !query.rule && !query.uri && !query.status && !query.outcome &&
           !query.unanswered && query.packets_min == 0 && query.bytes_min == 0;
}

bool matches(const Query& query, const StoredFlow& flow, const QueryJoin& join) {
    const std::uint64_t first = query.records ? flow.part_first_ns : flow.start_ns;
    if (!overlaps(query, first, flow.last_ns) || !matches_ends(query, flow)) return false;
    if (flow.packets() < query.packets_min || flow.bytes() < query.bytes_min) return false;
    if (query.unanswered && !is_unanswered(flow)) return false;
    if (query.outcome && outcome_of(flow) != *query.outcome) return false;
    if (query.rule && !matches_rule(*query.rule, flow, join.rules)) return false;
    return matches_requests(query, flow, join);
}

api::WalkFilter walk_filter(const Query& query) noexcept {
    api::WalkFilter filter;
    // Any one of the sets is a correct first sieve; the smallest is the best one.
    const NetworkSet* best = nullptr;
    for (const auto* networks : {&query.hosts, &query.watch, &query.source, &query.destination}) {
        if (!*networks || (*networks)->entries().size() > api::walk_prefixes_max) continue;
        if (!best || (*networks)->entries().size() < best->entries().size()) best = networks->get();
    }
    if (best) {
        for (const auto& network : best->entries()) {
            filter.prefixes[filter.prefix_count++] = {network.address, network.length, {}};
        }
    }
    filter.protocol = query.protocol.value_or(0);
    filter.port = query.port.value_or(query.source_port.value_or(query.destination_port.value_or(0)));
    return filter;
}

}  // namespace picket::store
