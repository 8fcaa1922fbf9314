// What the sensor asks of its archive, and tells it.
#include <algorithm>

#include "controlplane/sensor.h"

namespace picket {

// Memory alone answers as long as nothing was thrown out of it and nothing was there before it.
archive::FlowAnswer Sensor::ended_flows(const store::Query& query, const std::vector<store::StoredFlow>& live,
                                        const archive::Archive::WholeFlows& whole) const {
    // Of flows that are kept requests may be gone.
    const bool all_is_kept =
        flows_.horizon_ns() == 0 && (requests_.horizon_ns() == 0 || !needs_requests(query));
    if (archive_ && (archive_->has_history() || !all_is_kept)) return archive_->ask(query, live, whole);
    return {flows_.snapshot(), nullptr};
}

FlowAnswer Sensor::each_flow(const store::Query& query,
                             const std::function<void(const store::StoredFlow&)>& visit) {
    store::Query whole = query;
    whole.shape = store::Shape::sum;
    whole.every_field = true;
    FlowAnswer rest = answer(whole, false, {[&](const store::StoredFlow& flow) {
                                 if (store::matches(whole, flow, join(nullptr))) visit(flow);
                             }});
    for (const auto* flow : rest.selection.rows) visit(*flow);
    return rest;
}

std::uint64_t Sensor::each_hit(const store::Query& query, const archive::Archive::VisitHit& visit) const {
    if (archive_ && (archive_->has_history() || hits_.horizon_ns() != 0)) {
        archive_->each_hit(query, visit);
        return 0;
    }
    for (const auto& hit : hits_.all()) visit(*hit);
    return hits_.horizon_ns();
}

Sensor::PacketAnswer Sensor::packets_of(const store::ChosenFlows& flows) const {
    const std::uint64_t horizon_ns = packets_.horizon_ns();
    if (archive_ && (archive_->has_history() || horizon_ns != 0)) return {archive_->packets(flows), 0};
    auto packets = packets_.of(flows);
    std::stable_sort(packets.begin(), packets.end(),
                     [](const auto& a, const auto& b) { return a->time_ns < b->time_ns; });
    return {std::move(packets), horizon_ns};
}

archive::AlertAnswer Sensor::alerts_of(const store::Query& query) const {
    wait_for_verdicts();
    if (archive_ && (archive_->has_history() || alerts_.horizon_ns() != 0))
        return archive_->alerts(query.since_ns, query.until_ns);
    return {alerts_.all(), alerts_.horizon_ns()};
}

// Memory speaks for the time since it met a data plane, the archive for what was before.
detect::CoverageAnswer Sensor::coverage(const store::Query& query) const {
    const std::uint64_t now = now_ns();
    if (!archive_) return coverage_.answer(query.since_ns, query.until_ns, now);
    const std::uint64_t end = std::min(query.until_ns.value_or(now), now);
    if (is_closed_archive()) return archive_->coverage(query.since_ns, end, UINT64_MAX);
    const std::uint64_t known_since = coverage_.since_ns();
    const std::uint64_t live_since = known_since == 0 ? detect::utc_now_ns() : known_since;
    detect::CoverageAnswer answer = archive_->coverage(query.since_ns, end, live_since);
    // Times of captures are not those in which they are read: their losses count for every interval.
    const auto segments = loop_.status().segments;
    const bool captures = segments && segments->layout().replay;
    if (!captures && live_since >= end) return answer;
    const auto since = captures ? query.since_ns : std::max(query.since_ns.value_or(live_since), live_since);
    const auto live = coverage_.answer(since, query.until_ns, now);
    answer.lost += live.lost;
    answer.folded += live.folded;
    answer.seconds_blind += live.seconds_blind;
    return answer;
}

void Sensor::load_archived_lists() {
    for (const auto& [name, text] : archive_->watch_lists()) {
        std::vector<store::NetworkLine> rejects;
        if (const auto problem = watch_lists_.load(name, text, rejects)) events_.add("archive", problem->why);
    }
}

// What an operator has loaded is watched until he removes it, whatever becomes of picketd.
void Sensor::watch_again() {
    for (const auto& [name, text] : archive_->watch_lists_by_hand()) {
        const auto& configured = settings_.watch_files;
        if (std::any_of(configured.begin(), configured.end(),
                        [&name = name](const auto& file) { return file.name == name; }))
            continue;
        std::vector<store::NetworkLine> rejects;
        const auto problem = watch_lists_.load(name, text, rejects);
        events_.add("archive", problem ? problem->why
                                       : "the watch list " + name +
                                             ", which was loaded before this start, is watched again");
    }
}

void Sensor::enter_session(std::uint64_t run, std::uint64_t since_ns, bool captures, bool same_run) {
    archive_->begin_session(run, since_ns, captures);
    if (same_run) return;
    try {
        const auto before = archive_->losses_of(run);
        if (before.lost + before.folded > 0) coverage_.told_before(before.lost, before.folded);
    } catch (const archive::ArchiveUnreadable& error) {
        events_.warn("archive", std::string("losses may be told twice: ") + error.what());
    }
}

}  // namespace picket
