// Flowbits in the pipeline: hits of rules that use them wait until all before them has been matched.
#include "dataplane/flow/flow_record.h"
#include "dataplane/pipeline.h"

namespace picket {

// From now on packet i of the burst is being looked at.
void Pipeline::look_at(std::size_t i) noexcept {
    requests_.set_packet(static_cast<std::uint8_t>(i), tracked_[i].lost);
    payloads_end_ = i + 1;
}

std::uint32_t Pipeline::flow_of(const match::WaitingHit& hit) noexcept {
    return hit.kind() == match::WaitingHit::Kind::request ? requests_.found()[hit.index()].cold
                                                          : tracked_[payload_packet_[hit.index()]].cold;
}

// Requests and payloads up to the packet that is being looked at have been matched, and are still there.
void Pipeline::judge_bits() noexcept {
    match::BitJudge& judge = matcher_->bits();
    for (const match::WaitingHit& hit : judge.waiting()) {
        const std::uint32_t cold_index = flow_of(hit);
        flow::ColdFlow& cold = tracker_.table().cold(cold_index);
        bool lost = (cold.flags & api::flow_bits_lost) != 0;
        const match::BitVerdict verdict = judge.judge(hit, flow_bits_, cold_index, lost);
        if (verdict == match::BitVerdict::fails) continue;
        if (verdict == match::BitVerdict::unjudged) {
            ++counters_.flowbit_hits_unjudged;
            continue;
        }
        // Whoever may have bits is marked, so that flow_ending() forgets them.
        tracker_.table().hot_of(cold_index).marks |= flow::mark_rules;
        if (lost && (cold.flags & api::flow_bits_lost) == 0) {
            cold.flags |= api::flow_bits_lost;
            ++counters_.flows_bits_lost;
        }
        if (verdict == match::BitVerdict::silent) continue;
        if (hit.kind() == match::WaitingHit::Kind::request) {
            tell_request_hit(hit.index(), judge.rule_of(hit));
        } else {
            tell_payload_hit(hit.index(), judge.rule_of(hit));
        }
    }
    judge.clear();
}

}  // namespace picket
