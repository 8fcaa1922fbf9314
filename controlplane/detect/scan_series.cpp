#include "controlplane/detect/scan_series.h"

#include <algorithm>
#include <span>
#include <tuple>

namespace picket::detect {

double ScanSeries::step(double ratio, bool failed) noexcept {
    const double factor =
        failed ? (1 - scan_theta_scanner) / (1 - scan_theta_benign) : scan_theta_scanner / scan_theta_benign;
    return std::max(ratio * factor, scan_floor);
}

void ScanSeries::add(std::uint64_t target, std::uint64_t time_ns, bool failed, bool told_before) {
    if (told_before && settled_ != 0 && time_ns < contacts_.front().time_ns) return;
    const auto known = std::ranges::find(contacts_, target, &Tried::target);
    if (known != contacts_.end()) {
        // The earlier one is the first contact; that it was answered may be learned later.
        const bool answered = !failed && time_ns == known->time_ns;
        const bool leads = !failed && settled_ == 0 && time_ns < first_ns_;
        if (!answered && (leads || time_ns >= known->time_ns)) return;
        failures_ -= known->failed ? 1 : 0;
        contacts_.erase(known);
    }
    failures_ += failed ? 1 : 0;
    if (failed && settled_ != 0) first_ns_ = std::min(first_ns_, time_ns);
    const Tried tried{target, time_ns, failed};
    const auto earlier = [](const Tried& a, const Tried& b) {
        return std::tie(a.time_ns, a.target) < std::tie(b.time_ns, b.target);
    };
    contacts_.insert(std::ranges::upper_bound(contacts_, tried, earlier), tried);
    find_beginning();
    if (contacts_.size() > scan_contacts_kept) settle_oldest();
    judge();
}

// Those before the first failure are kept, in case that an earlier one becomes known.
void ScanSeries::find_beginning() {
    if (settled_ != 0) return;
    const auto first = std::ranges::find(contacts_, true, &Tried::failed);
    leading_ = static_cast<std::size_t>(first - contacts_.begin());
    first_ns_ = first != contacts_.end() ? first->time_ns : 0;
}

void ScanSeries::add_kept_of(const ScanSeries& other) {
    const std::vector<Tried> kept = other.contacts_;
    for (const Tried& tried : kept) {
        const bool is_settled = settled_ != 0 && tried.time_ns < contacts_.front().time_ns;
        if (!is_settled) add(tried.target, tried.time_ns, tried.failed);
    }
}

// What it came to will not change any more.
void ScanSeries::settle_oldest() {
    const Tried& oldest = contacts_.front();
    if (leading_ > 0) {
        contacts_.erase(contacts_.begin());
        --leading_;
        return;
    }
    settled_ratio_ = step(settled_ratio_, oldest.failed);
    if (settled_flagged_ns_ == 0 && settled_ratio_ >= scan_threshold) settled_flagged_ns_ = oldest.time_ns;
    contacts_.erase(contacts_.begin());
    ++settled_;
}

// In the order of time, whatever order they became known in, but for targets that are tried again: so the
// verdict does not depend on workers.
void ScanSeries::judge() {
    double ratio = settled_ratio_;
    flagged_ns_ = settled_flagged_ns_;
    for (const Tried& tried : std::span(contacts_).subspan(leading_)) {
        ratio = step(ratio, tried.failed);
        if (ratio >= scan_threshold && flagged_ns_ == 0) flagged_ns_ = tried.time_ns;
    }
}

}  // namespace picket::detect
