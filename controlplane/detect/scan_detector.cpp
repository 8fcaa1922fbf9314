#include "controlplane/detect/scan_detector.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "controlplane/store/protocol_text.h"

namespace picket::detect {
namespace {

constexpr std::uint64_t day_ns = 86'400'000'000'000;
constexpr std::size_t scans_max = 10'000;
// A host that answers on some ports and not on others is no rarity: more must fail before it is a scan.
constexpr std::size_t port_scan_failures_min = 8;
constexpr std::size_t crowd_sources_min = 20;
constexpr std::size_t crowd_targets_min = 20;
constexpr std::size_t crowd_kept = 4096;
constexpr unsigned series_failures_min = 4;  // fewer never reach the threshold
constexpr double crowd_failed_share_min = 0.9;
// A crowd of F failures has at most F / 9 successes, and one of its runs of twenty failures in a row at most
// 39 / 9 within.
constexpr std::size_t crowd_run = std::min(crowd_sources_min, crowd_targets_min);
constexpr auto crowd_run_successes_max = static_cast<std::size_t>(
    static_cast<double>(2 * crowd_run - 1) * (1 - crowd_failed_share_min) / crowd_failed_share_min);
static_assert(crowd_run_successes_max == 4);
constexpr std::size_t crowds_max = 4096;
constexpr std::uint64_t one_way_flows_min = 20;
constexpr std::uint64_t answer_wait_ns = 1'000'000'000;
constexpr double one_way_share_max = 0.01;

}  // namespace

std::string_view name_of(ScanKind kind) noexcept {
    constexpr std::array<std::string_view, 3> names{"sweep", "port-scan", "distributed"};
    return names[static_cast<std::size_t>(kind)];
}

std::string describe(const Scan& scan) {
    const std::string tried = std::to_string(scan.failures) + " of " + std::to_string(scan.targets);
    const std::string port =
        scan.port == 0 ? store::protocol_name(scan.protocol) + " echo"
                       : "port " + std::to_string(scan.port) + "/" + store::protocol_name(scan.protocol);
    switch (scan.kind) {
        case ScanKind::sweep:
            return "sweep of " + port + ", " + tried + " hosts failed";
        case ScanKind::port_scan:
            return "scan of " + store::protocol_name(scan.protocol) + " ports, " + tried + " ports failed";
        case ScanKind::distributed:
            return "distributed scan of " + port + ", " + std::to_string(scan.sources) + " sources";
    }
    return {};
}

ScanDetector::ScanDetector(ScanSettings settings, std::function<void(const Scan&)> suspect)
    : settings_(std::move(settings)), suspect_(std::move(suspect)) {}

void ScanDetector::note_flows(const FlowsSeen& seen) noexcept {
    std::uint64_t latest = latest_ns_.load(std::memory_order_relaxed);
    while (latest < seen.latest_ns &&
           !latest_ns_.compare_exchange_weak(latest, seen.latest_ns, std::memory_order_relaxed)) {
    }
    flows_.fetch_add(seen.flows, std::memory_order_relaxed);
    flows_answered_.fetch_add(seen.answered, std::memory_order_relaxed);
}

bool ScanDetector::one_way() const noexcept {
    const auto flows = flows_.load(std::memory_order_relaxed);
    const auto answered = flows_answered_.load(std::memory_order_relaxed);
    return flows >= one_way_flows_min &&
           static_cast<double>(answered) < one_way_share_max * static_cast<double>(flows);
}

void ScanDetector::add(std::span<const Contact> contacts) {
    {
        const std::lock_guard lock(judge_mutex_);
        for (const Contact& contact : contacts) {
            if (!settings_.known_nat || !settings_.known_nat->contains(contact.source)) take(contact);
        }
        if (news_.empty()) return;
    }
    tell_news();
}

void ScanDetector::collect(bool all) {
    const std::lock_guard lock(judge_mutex_);
    settings_.collect = all;
}

void ScanDetector::add_so_far(const Contact& contact) {
    {
        const std::lock_guard lock(judge_mutex_);
        if (settings_.collect) return;
        if (settings_.known_nat && settings_.known_nat->contains(contact.source)) return;
        judge(contact, false);
    }
    tell_news();
}

void ScanDetector::take(const Contact& contact) {
    if (contact.waiting_since_ns == 0) {
        if (!settings_.collect) return judge(contact);
        if (collected_.add(contact)) return;
    } else if (waiting_.size() < collected_max) {
        // Address space for all at once, so that they are never moved.
        if (waiting_.capacity() == 0) waiting_.reserve(collected_max);
        return waiting_.push_back(contact);
    }
    forgotten_.fetch_add(1, std::memory_order_relaxed);
}

// Whoever is there answers a first packet within a second, nearly always; four in a row that do not are
// enough.
void ScanDetector::add_waiting() {
    std::vector<Contact> waiting;
    {
        const std::lock_guard lock(judge_mutex_);
        waiting.swap(waiting_);
    }
    const std::uint64_t latest = latest_ns_.load(std::memory_order_relaxed);
    for (Contact& contact : waiting) {
        if (latest < contact.waiting_since_ns + answer_wait_ns) continue;
        contact.waiting_since_ns = 0;
        add(contact);
    }
}

void ScanDetector::tell_news() {
    std::vector<Scan> news;
    {
        const std::lock_guard lock(judge_mutex_);
        news.swap(news_);
    }
    for (const Scan& scan : news) suspect_(scan);
}

void ScanDetector::finish() {
    add_waiting();
    {
        const std::lock_guard lock(judge_mutex_);
        const ScanLeast least{series_failures_min, crowd_run, crowd_run_successes_max};
        for (const auto& [contact, crowd] : collected_.take_suspicious(hash_, least)) judge(contact, crowd);
    }
    tell_news();
}

void ScanDetector::judge(const Contact& contact, bool crowd) {
    age(contact.time_ns);
    const Key sweep{contact.source, {}, contact.port, contact.protocol, ScanKind::sweep};
    judge_series(sweep, contact.destination, hash_(contact.destination), contact);
    const Key ports{contact.source, contact.destination, 0, contact.protocol, ScanKind::port_scan};
    if (contact.port != 0) judge_series(ports, contact.destination, contact.port, contact);
    if (crowd) judge_crowd(contact);
}

template <typename Value>
Value* ScanDetector::touch(Generations<Value>& generations, const Key& key, std::size_t size_max,
                           bool create) {
    if (Value* known = generations.young.find(key)) return known;
    Value* old = generations.old.find(key);
    if (old == nullptr && !create) return nullptr;
    Value value;
    if (old != nullptr) {
        value = std::move(*old);
        generations.old.erase(key);
    }
    if (generations.young.size() >= size_max) {
        forgotten_.fetch_add(generations.old.size(), std::memory_order_relaxed);
        generations.old = std::move(generations.young);
        generations.young = {};
    }
    Value& place = generations.young[key];
    place = std::move(value);
    return &place;
}

// After two days of silence at most, and one at least, a series is gone: by the days of the clock, so that it
// does not matter which other contacts are judged.
void ScanDetector::age(std::uint64_t now_ns) {
    const std::uint64_t day = now_ns / day_ns;
    if (day <= generation_) return;
    const bool next = day == generation_ + 1;
    generation_ = day;
    series_.old = next ? std::move(series_.young) : store::FlatMap<Key, ScanSeries>{};
    series_.young = {};
    crowds_.old = next ? std::move(crowds_.young) : store::FlatMap<Key, Crowd>{};
    crowds_.young = {};
}

void ScanDetector::judge_series(const Key& key, const api::Address& target_host, std::uint64_t target,
                                const Contact& contact) {
    ScanSeries* known = touch(series_, key, settings_.series_max, contact.failed);
    if (known == nullptr) return;
    const bool looked_at = !contact.timed_out && contact.time_ns < known->looked_until_ns();
    const bool told_before = !settings_.collect && (contact.told_before || looked_at);
    known->add(target, contact.time_ns, contact.failed, told_before);
    note_series(key, *known, target_host);
}

void ScanDetector::note_series(const Key& key, const ScanSeries& series, const api::Address& target_host) {
    const bool too_few = key.kind == ScanKind::port_scan && series.failures() < port_scan_failures_min;
    if (!series.is_scan() || too_few) return forget_suspicion(key);
    Scan scan;
    scan.kind = key.kind;
    scan.source = key.address;
    scan.destination = target_host;
    scan.port = key.port;
    scan.protocol = key.protocol;
    scan.flagged_ns = series.flagged_ns();
    scan.first_ns = series.first_ns();
    scan.last_ns = series.last_ns();
    scan.targets = series.targets();
    scan.failures = series.failures();
    note_scan(key, scan);
}

bool ScanDetector::bears_on(const Scan& scan, const Contact& contact) noexcept {
    if (contact.protocol != scan.protocol || contact.source != scan.source) return false;
    return scan.kind == ScanKind::port_scan ? contact.destination == scan.destination
                                            : contact.port == scan.port;
}

// What waits for an answer while the input has ended is judged by finish().
void ScanDetector::add_each(ScanSeries& series, const Key& key, std::span<const Contact> contacts) const {
    for (const Contact& contact : contacts) {
        const std::uint64_t target =
            key.kind == ScanKind::port_scan ? contact.port : hash_(contact.destination);
        if (contact.waiting_since_ns == 0) series.add(target, contact.time_ns, contact.failed);
    }
}

bool ScanDetector::tell_again(const Scan& suspicion, std::span<const Contact> contacts,
                              std::uint64_t until_ns) {
    const Key key = key_of(suspicion);
    const std::lock_guard lock(judge_mutex_);
    ScanSeries* series = touch(series_, key, settings_.series_max, false);
    if (series == nullptr) {
        forget_suspicion(key);  // nothing is known of it any more
        return true;
    }
    if (series->is_settled()) return false;
    add_each(*series, key, contacts);
    series->looked_until(until_ns);
    note_series(key, *series, suspicion.destination);
    return true;
}

void ScanDetector::judge_anew(const Scan& suspicion, std::span<const Contact> contacts, double ratio,
                              std::uint64_t until_ns) {
    const Key key = key_of(suspicion);
    ScanSeries series(ratio);
    add_each(series, key, contacts);
    series.looked_until(until_ns);
    const std::lock_guard lock(judge_mutex_);
    ScanSeries* known = touch(series_, key, settings_.series_max, true);
    series.add_kept_of(*known);
    *known = std::move(series);
    note_series(key, *known, suspicion.destination);
}

bool ScanDetector::Crowd::has_failed(std::uint64_t live_successes) const noexcept {
    const auto all = static_cast<double>(failures + successes + live_successes);
    return sources.size() >= crowd_sources_min && targets.size() >= crowd_targets_min &&
           static_cast<double>(failures) / all >= crowd_failed_share_min;
}

void ScanDetector::add_live_successes(const Scan& suspicion, std::uint64_t successes) {
    const Key key = key_of(suspicion);
    const std::lock_guard lock(judge_mutex_);
    Crowd* crowd = touch(crowds_, key, crowds_max, false);
    if (crowd == nullptr) return forget_suspicion(key);  // nothing is known of it any more
    if (crowd->has_failed(successes)) return;
    crowd->doubted_failures = crowd->failures;
    forget_suspicion(key);
}

void ScanDetector::judge_crowd(const Contact& contact) {
    const Key key{{}, {}, contact.port, contact.protocol, ScanKind::distributed};
    if (contact.port == 0) return;
    // Who scans alone is told of alone.
    const Key alone{contact.source, {}, contact.port, contact.protocol, ScanKind::sweep};
    if (const ScanSeries* series = series_.young.find(alone); series != nullptr && series->is_scan()) return;
    Crowd* known = touch(crowds_, key, crowds_max, contact.failed);
    if (known == nullptr) return;
    Crowd& crowd = *known;
    ++(contact.failed ? crowd.failures : crowd.successes);
    if (!contact.failed) return;
    crowd.first_ns = std::min(crowd.first_ns, contact.time_ns);
    crowd.last_ns = std::max(crowd.last_ns, contact.time_ns);
    if (std::uint8_t* source = crowd.sources.find_or_add(contact.source, crowd_kept)) *source = 1;
    if (std::uint8_t* target = crowd.targets.find_or_add(contact.destination, crowd_kept)) *target = 1;
    // One that was doubted has to grow by half.
    if (!crowd.has_failed(0) || crowd.failures < crowd.doubted_failures + crowd.doubted_failures / 2) return;
    Scan scan;
    scan.kind = ScanKind::distributed;
    scan.source = contact.source;
    scan.destination = contact.destination;
    scan.port = contact.port;
    scan.protocol = contact.protocol;
    scan.flagged_ns = crowd.last_ns;
    scan.first_ns = crowd.first_ns;
    scan.last_ns = crowd.last_ns;
    scan.targets = crowd.targets.size();
    scan.failures = crowd.failures;
    scan.sources = crowd.sources.size();
    note_scan(key, scan);
}

void ScanDetector::note_scan(const Key& key, const Scan& scan) {
    const std::lock_guard lock(mutex_);
    if (const std::size_t* position = positions_.find(key)) {
        Scan& known = scans_[*position];
        const bool confirmed = !known.suspected;
        const bool again = known.flagged_ns == 0;
        std::uint64_t flagged_ns = scan.flagged_ns;
        if (!again && scan.kind == ScanKind::distributed) flagged_ns = known.flagged_ns;
        if (!again && confirmed) flagged_ns = std::min(known.flagged_ns, flagged_ns);
        known = scan;
        known.flagged_ns = flagged_ns;
        known.suspected = !confirmed;
        if (again) news_.push_back(known);
        return;
    }
    if (scans_.size() >= scans_max) {
        forgotten_.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    positions_[key] = scans_.size();
    scans_.push_back(scan);
    scans_.back().suspected = true;
    news_.push_back(scans_.back());
}

// It was answered after all, what had seemed to fail.
void ScanDetector::forget_suspicion(const Key& key) {
    const std::lock_guard lock(mutex_);
    const std::size_t* position = positions_.find(key);
    if (position == nullptr) return;
    scans_[*position].suspected = true;
    scans_[*position].flagged_ns = 0;
}

ScanDetector::Key ScanDetector::key_of(const Scan& scan) noexcept {
    switch (scan.kind) {
        case ScanKind::port_scan:
            return {scan.source, scan.destination, 0, scan.protocol, scan.kind};
        case ScanKind::distributed:
            return {{}, {}, scan.port, scan.protocol, scan.kind};
        case ScanKind::sweep:
            break;
    }
    return {scan.source, {}, scan.port, scan.protocol, scan.kind};
}

Scan* ScanDetector::find_suspicion(const Scan& suspicion) {
    const std::size_t* position = positions_.find(key_of(suspicion));
    if (position == nullptr) return nullptr;
    Scan& scan = scans_[*position];
    return scan.suspected && scan.flagged_ns != 0 ? &scan : nullptr;
}

std::uint64_t ScanDetector::decided_ns(const Scan& suspicion) noexcept {
    return suspicion.flagged_ns + answer_wait_ns;
}

std::optional<Scan> ScanDetector::suspicion(const Scan& suspicion) {
    const std::lock_guard lock(mutex_);
    const Scan* scan = find_suspicion(suspicion);
    return scan != nullptr ? std::optional(*scan) : std::nullopt;
}

std::optional<Scan> ScanDetector::confirm(const Scan& suspicion, std::uint64_t known_until_ns) {
    const std::lock_guard lock(mutex_);
    Scan* scan = find_suspicion(suspicion);
    if (scan == nullptr || decided_ns(*scan) > known_until_ns) return std::nullopt;
    scan->suspected = false;
    return *scan;
}

std::vector<Scan> ScanDetector::scans() const {
    const std::lock_guard lock(mutex_);
    std::vector<Scan> scans;
    std::ranges::copy_if(scans_, std::back_inserter(scans), [](const Scan& scan) { return !scan.suspected; });
    return scans;
}

std::size_t ScanDetector::scanners() const {
    store::FlatMap<api::Address, std::uint8_t> sources;
    std::size_t distributed = 0;
    for (const Scan& scan : scans()) {
        if (scan.kind == ScanKind::distributed) {
            ++distributed;
        } else {
            sources[scan.source] = 1;
        }
    }
    return sources.size() + distributed;
}

}  // namespace picket::detect
