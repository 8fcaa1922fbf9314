#include "controlplane/drain/held_hits.h"

#include <algorithm>
#include <tuple>

namespace picket::drain {

namespace {

bool is_later(const HeldHit& a, const HeldHit& b) {
    const auto place = [](const HeldHit& held) {
        return std::tie(held.hit.time_ns, held.hit.flow_id, held.request_number, held.hit.gid, held.hit.sid);
    };
    return place(a) > place(b);
}

}  // namespace

void HeldHits::add(HeldHit hit) {
    hits_.push_back(std::move(hit));
    std::push_heap(hits_.begin(), hits_.end(), is_later);
}

HeldHit HeldHits::take_oldest() {
    std::pop_heap(hits_.begin(), hits_.end(), is_later);
    HeldHit oldest = std::move(hits_.back());
    hits_.pop_back();
    return oldest;
}

}  // namespace picket::drain
