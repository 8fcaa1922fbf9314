#include "controlplane/store/hit_choice.h"

#include <algorithm>
#include <iterator>

#include "controlplane/store/time_text.h"

namespace picket::store {
namespace {

// What every hit has to fulfil: its rule, its target and who sent it make a campaign.
bool may_serve(const Query& query, const StoredHit& hit) {
    if (!overlaps(query, hit.time_ns, hit.time_ns)) return false;
    if (query.rule && (hit.sid != query.rule->sid || hit.gid != query.rule->gid.value_or(hit.gid)))
        return false;
    if (query.source && !query.source->contains(hit.ends.client)) return false;
    if (query.destination_port && hit.ends.server_port != *query.destination_port) return false;
    return !query.uri || query.uri->matches(hit.uri) || query.uri->matches(hit.uri_normalized);
}

// The other conditions choose among what became of a campaign: its hits elsewhere tell what attempts were.
bool is_asked(const Query& query, const StoredHit& hit) {
    const api::EventEnds& ends = hit.ends;
    if (!overlaps(query, hit.time_ns, hit.time_ns)) return false;
    for (const auto& either : {query.hosts, query.watch}) {
        if (either && !either->contains(ends.client) && !either->contains(ends.server)) return false;
    }
    if (query.destination && !query.destination->contains(ends.server)) return false;
    if (query.flow_id && hit.flow.id != *query.flow_id) return false;
    if (query.port && ends.server_port != *query.port && ends.client_port != *query.port) return false;
    if (query.source_port && ends.client_port != *query.source_port) return false;
    if (query.protocol && ends.protocol != *query.protocol) return false;
    return !query.vlan || ends.vlan == *query.vlan;
}

}  // namespace

Query widened(const Query& query, std::uint64_t reach_ns) {
    Query wide = query;
    if (wide.since_ns) *wide.since_ns -= std::min(*wide.since_ns, reach_ns);
    if (wide.until_ns) *wide.until_ns += std::min(UINT64_MAX - *wide.until_ns, reach_ns);
    return wide;
}

HitChoice::HitChoice(const Query& query, std::uint64_t reach_ns, std::size_t hits_max)
    : query_(query), reached_(widened(query, reach_ns)), hits_max_(hits_max) {}

void HitChoice::add(const StoredHit& hit) {
    if (!may_serve(reached_, hit)) return;
    auto& picked = is_asked(query_, hit) ? asked_ : beside_;
    picked.push_back({added_++, std::make_shared<const StoredHit>(hit)});
    if (asked_.size() + beside_.size() > hits_max_) make_room();
}

void HitChoice::make_room() {
    if (!beside_.empty()) {
        beside_.pop_front();
        ++beside_dropped_;
        return;
    }
    horizon_ns_ = std::max(horizon_ns_, asked_.front().hit->time_ns);
    asked_.pop_front();
    ++asked_dropped_;
}

Hits HitChoice::take() {
    std::vector<Picked> all;
    std::ranges::merge(asked_, beside_, std::back_inserter(all), {}, &Picked::number, &Picked::number);
    asked_.clear();
    beside_.clear();
    Hits hits;
    for (auto& picked : all) hits.push_back(std::move(picked.hit));
    return hits;
}

std::vector<std::string> HitChoice::notes() const {
    std::vector<std::string> notes;
    const std::string newest = std::to_string(hits_max_);
    if (asked_dropped_ > 0) {
        notes.push_back("only the newest " + newest + " of " + std::to_string(hits_max_ + asked_dropped_) +
                        " hits were looked at, not those before " + format_time(horizon_ns_) +
                        ": narrow --since and --until, or name --rule, --uri, --src or --dport");
    }
    if (beside_dropped_ > 0) {
        notes.push_back("attempts may be missing: of the hits around those asked for " +
                        std::to_string(beside_dropped_) +
                        " were too many to be looked at; name --rule, --uri, --src or --dport");
    }
    return notes;
}

}  // namespace picket::store
