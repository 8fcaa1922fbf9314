#include "controlplane/detect/probe_ledger.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "controlplane/store/flat_map.h"
#include "controlplane/store/protocol_text.h"

namespace picket::detect {
namespace {

using store::FlowOutcome;
using store::StoredFlow;
using store::StoredHit;
using store::StoredRequest;
using SourceAndPort = std::pair<std::array<std::uint8_t, 16>, std::uint16_t>;

// What became of a request of a flow whose other requests may have been answered.
FlowOutcome outcome_of_request(const StoredFlow& flow) noexcept {
    const FlowOutcome outcome = store::outcome_of(flow);
    if (outcome != FlowOutcome::answered) return outcome;
    if (flow.lost_bytes() > 0) return FlowOutcome::unknown;
    if (flow.state == api::ConnState::rstr) return FlowOutcome::reset;
    const bool open = flow.is_live() || (flow.flags & api::flow_cut_short) != 0;
    return open ? FlowOutcome::pending : FlowOutcome::connected;
}

void add_answer(Probe& probe, const StoredRequest& request) {
    probe.outcome = FlowOutcome::answered;
    probe.status = request.status;
    probe.content_type = request.content_type;
    probe.content_length = request.content_length;
    probe.answered_ns = request.response_ns;
    probe.bytes_back = request.body_bytes > 0 ? static_cast<std::uint64_t>(request.body_bytes) : 0;
}

Probe probe_of(const StoredHit& hit, const StoredFlow* flow, const RequestsOf& requests_of) {
    Probe probe;
    probe.time_ns = hit.time_ns;
    probe.flow = hit.flow;
    probe.source = hit.ends.client;
    probe.destination = hit.ends.server;
    probe.source_port = hit.ends.client_port;
    probe.port = hit.ends.server_port;
    probe.vlan = hit.ends.vlan;
    probe.protocol = hit.ends.protocol;
    probe.gid = hit.gid;
    probe.sid = hit.sid;
    probe.rev = hit.rev;
    probe.severity = hit.severity;
    probe.message = hit.message;
    probe.request = hit.request;
    probe.method = hit.method;
    probe.uri = hit.uri;
    probe.host = hit.host;
    probe.referer = hit.referer;
    probe.lost = hit.ends.flow_lost != 0 || (flow != nullptr && flow->lost_bytes() > 0);
    if (hit.request == api::request_none) {
        if (flow == nullptr) return probe;
        probe.outcome = store::outcome_of(*flow);
        probe.bytes_back = flow->directions[flow->source == probe.source ? 1 : 0].bytes;
        return probe;
    }
    for (const StoredRequest& request : requests_of(hit.flow)) {
        if (request.request != hit.request) continue;
        if (request.status != 0) add_answer(probe, request);
    }
    if (probe.status == 0 && flow != nullptr) probe.outcome = outcome_of_request(*flow);
    return probe;
}

bool is_attempt(const StoredFlow& flow) noexcept {
    if (flow.protocol != store::protocol_tcp || flow.requests != 0) return false;
    // What a source says in another protocol is no probe that failed.
    return flow.directions[0].payload_first_length == 0 && flow.directions[1].payload_first_length == 0;
}

Probe inferred_probe(const StoredFlow& flow, const Probe& nearest) {
    Probe probe;
    probe.inferred = true;
    probe.time_ns = flow.start_ns;
    probe.flow = flow.key();
    probe.source = flow.source;
    probe.destination = flow.destination;
    probe.source_port = flow.source_port;
    probe.port = flow.destination_port;
    probe.vlan = flow.vlan;
    probe.protocol = flow.protocol;
    probe.gid = nearest.gid;
    probe.sid = nearest.sid;
    probe.rev = nearest.rev;
    probe.severity = nearest.severity;
    probe.message = nearest.message;
    probe.outcome = store::outcome_of(flow);
    probe.lost = flow.lost_bytes() > 0;
    return probe;
}

// Hits and attempts of one source to one port, by time.
class Series {
  public:
    void add_hit(Probe probe) { hits_.push_back(std::move(probe)); }
    void add_attempt(const StoredFlow& flow) { attempts_.push_back(&flow); }

    // Splits into campaigns and appends those that hold a hit.
    void finish(std::uint64_t& campaigns, std::vector<Probe>& ledger) {
        std::ranges::stable_sort(hits_, {}, &Probe::time_ns);
        std::ranges::stable_sort(attempts_, {}, &StoredFlow::start_ns);
        std::size_t hit = 0;
        std::size_t attempt = 0;
        while (hit < hits_.size() || attempt < attempts_.size()) {
            const std::size_t hit_begin = hit;
            const std::size_t attempt_begin = attempt;
            take_campaign(hit, attempt);
            if (hit == hit_begin) continue;
            ++campaigns;
            const std::span hits(hits_.begin() + static_cast<std::ptrdiff_t>(hit_begin), hit - hit_begin);
            for (std::size_t i = attempt_begin; i < attempt; ++i) {
                ledger.push_back(inferred_probe(*attempts_[i], nearest(hits, attempts_[i]->start_ns)));
                ledger.back().campaign = campaigns;
            }
            for (Probe& probe : hits) {
                probe.campaign = campaigns;
                ledger.push_back(std::move(probe));
            }
        }
    }

  private:
    // Moves both positions behind the campaign that begins there.
    void take_campaign(std::size_t& hit, std::size_t& attempt) const {
        std::uint64_t last_ns = 0;
        for (bool first = true;; first = false) {
            const std::uint64_t hit_ns = hit < hits_.size() ? hits_[hit].time_ns : UINT64_MAX;
            const std::uint64_t attempt_ns =
                attempt < attempts_.size() ? attempts_[attempt]->start_ns : UINT64_MAX;
            const std::uint64_t next_ns = std::min(hit_ns, attempt_ns);
            if (next_ns == UINT64_MAX) return;
            if (!first && next_ns > last_ns && next_ns - last_ns > campaign_pause_ns) return;
            // An attempt lasts until its last SYN.
            const std::uint64_t end_ns = hit_ns <= attempt_ns ? hit_ns : attempts_[attempt]->last_ns;
            last_ns = std::max({last_ns, next_ns, end_ns});
            ++(hit_ns <= attempt_ns ? hit : attempt);
        }
    }

    static const Probe& nearest(std::span<const Probe> hits, std::uint64_t time_ns) {
        const auto after = std::ranges::lower_bound(hits, time_ns, {}, &Probe::time_ns);
        if (after == hits.begin()) return *after;
        const auto before = std::prev(after);
        if (after == hits.end()) return *before;
        return after->time_ns - time_ns < time_ns - before->time_ns ? *after : *before;
    }

    std::vector<Probe> hits_;
    std::vector<const StoredFlow*> attempts_;
};

}  // namespace

std::vector<Probe> make_ledger(const store::Hits& hits, std::span<const StoredFlow* const> flows,
                               const RequestsOf& requests_of) {
    store::FlatMap<store::FlowKey, const StoredFlow*> by_key;
    for (const StoredFlow* flow : flows) by_key[flow->key()] = flow;
    std::map<SourceAndPort, Series> series;
    for (const auto& hit : hits) {
        const StoredFlow* const* flow = by_key.find(hit->flow);
        Probe probe = probe_of(*hit, flow != nullptr ? *flow : nullptr, requests_of);
        series[{probe.source.bytes, probe.port}].add_hit(std::move(probe));
    }
    for (const StoredFlow* flow : flows) {
        if (!is_attempt(*flow)) continue;
        const auto found = series.find({flow->source.bytes, flow->destination_port});
        if (found != series.end()) found->second.add_attempt(*flow);
    }
    std::vector<Probe> ledger;
    std::uint64_t campaigns = 0;
    for (auto& [key, one] : series) one.finish(campaigns, ledger);
    std::ranges::stable_sort(ledger, {}, &Probe::time_ns);
    return ledger;
}

}  // namespace picket::detect
