// The ledger by source: pace, outcomes, and whether it has stopped.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "controlplane/detect/pace.h"
#include "controlplane/detect/probe_ledger.h"

namespace picket::detect {
namespace {

constexpr std::uint64_t minute_ns = 60'000'000'000;

using Key = std::tuple<std::array<std::uint8_t, 16>, std::uint32_t, std::uint32_t>;

struct Gathered {
    ProbeSource source;
    std::set<std::array<std::uint8_t, 16>> destinations;
    std::set<std::uint64_t> campaigns;
    Pace pace;
};

void add(Gathered& to, const Probe& probe) {
    ProbeSource& source = to.source;
    if (source.first_ns == 0) {
        source.source = probe.source;
        source.gid = probe.gid;
        source.sid = probe.sid;
        source.message = probe.message;
        source.first_ns = probe.time_ns;
    }
    to.pace.add(probe.time_ns, probe.outcome == store::FlowOutcome::answered);
    source.port = probe.port;
    source.last_ns = probe.time_ns;
    ++(probe.inferred ? source.inferred : source.seen);
    ++source.outcomes[static_cast<std::size_t>(probe.outcome)];
    to.destinations.insert(probe.destination.bytes);
    to.campaigns.insert(probe.campaign);
}

void finish(Gathered& to, std::uint64_t now_ns) {
    ProbeSource& source = to.source;
    source.destinations = to.destinations.size();
    source.campaigns = to.campaigns.size();
    source.stopped = to.pace.stopped(now_ns);
    source.stopped_after_first_answer = source.stopped && to.pace.ends_with_first_answer();
}

}  // namespace

double ProbeSource::per_minute() const noexcept {
    const std::uint64_t probes = seen + inferred;
    if (probes < 2 || last_ns <= first_ns) return 0;
    return static_cast<double>(probes) * static_cast<double>(minute_ns) /
           static_cast<double>(last_ns - first_ns);
}

std::vector<ProbeSource> group_by_source(std::span<const Probe> probes, std::uint64_t now_ns) {
    std::map<Key, Gathered> gathered;
    for (const Probe& probe : probes) add(gathered[{probe.source.bytes, probe.gid, probe.sid}], probe);
    std::vector<ProbeSource> sources;
    for (auto& [key, one] : gathered) {
        finish(one, now_ns);
        sources.push_back(std::move(one.source));
    }
    std::ranges::stable_sort(sources, std::greater{}, &ProbeSource::last_ns);
    return sources;
}

}  // namespace picket::detect
