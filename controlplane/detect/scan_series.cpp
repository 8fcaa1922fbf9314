#include "controlplane/detect/scan_series.h"

#include <algorithm>
#include <tuple>

namespace picket::detect {

double ScanSeries::step(double ratio, bool failed) noexcept {
    const double factor =
        failed ? (1 - scan_theta_scanner) / (1 - scan_theta_benign) : scan_theta_scanner / scan_theta_benign;
    return std::max(ratio * factor, scan_floor);
}

void ScanSeries::add(std::uint64_t target, std::uint64_t time_ns, bool failed) {
    first_ns_ = first_ns_ == 0 ? time_ns : std::min(first_ns_, time_ns);
    last_ns_ = std::max(last_ns_, time_ns);
    const auto known = std::ranges::find(contacts_, target, &Tried::target);
    if (known != contacts_.end()) {
        // The earlier one is the first contact; that it was answered may be learned later.
        const bool answered = !failed && time_ns == known->time_ns;
        if (!answered && time_ns >= known->time_ns) return;
        failures_ += failed ? 1 : 0;
        failures_ -= known->failed ? 1 : 0;
        contacts_.erase(known);
    } else {
        failures_ += failed ? 1 : 0;
    }
    const Tried tried{target, time_ns, failed};
    const auto earlier = [](const Tried& a, const Tried& b) {
        return std::tie(a.time_ns, a.target) < std::tie(b.time_ns, b.target);
    };
    contacts_.insert(std::ranges::upper_bound(contacts_, tried, earlier), tried);
    if (contacts_.size() > scan_contacts_kept) settle_oldest();
    judge();
}

// What it came to will not change any more.
void ScanSeries::settle_oldest() {
    const Tried& oldest = contacts_.front();
    settled_ratio_ = step(settled_ratio_, oldest.failed);
    if (settled_flagged_ns_ == 0 && settled_ratio_ >= scan_threshold) settled_flagged_ns_ = oldest.time_ns;
    contacts_.erase(contacts_.begin());
    ++settled_;
}

// In the order of time, whatever order they became known in: so the verdict does not depend on workers.
void ScanSeries::judge() {
    double ratio = settled_ratio_;
    flagged_ns_ = settled_flagged_ns_;
    for (const Tried& tried : contacts_) {
        ratio = step(ratio, tried.failed);
        if (ratio >= scan_threshold && flagged_ns_ == 0) flagged_ns_ = tried.time_ns;
    }
}

}  // namespace picket::detect
