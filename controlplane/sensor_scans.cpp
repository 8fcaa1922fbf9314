// Suspected scans are looked into before anybody hears of them.
#include <algorithm>
#include <thread>

#include "controlplane/detect/scan_merge.h"
#include "controlplane/sensor.h"

namespace picket {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds suspect_poll_interval{500};
constexpr std::chrono::milliseconds suspicions_wait{5'000};
constexpr std::chrono::milliseconds clock_pause{20};
constexpr std::chrono::milliseconds look_pause{500};
constexpr std::chrono::milliseconds answers_wait{2'000};
// A data plane that shows its flows only in part, or lags, is not waited for any longer.
constexpr std::chrono::seconds decision_wait{5};
// Longer than it takes until a failure is known.
constexpr std::uint64_t beginning_ns = 300'000'000'000;

store::Networks sources_of(std::span<const detect::Scan> suspects) {
    std::vector<store::Network> sources;
    for (const detect::Scan& suspect : suspects) sources.push_back({suspect.source, 128});
    return std::make_shared<const store::NetworkSet>(sources);
}

}  // namespace

detect::ScanSettings Sensor::scan_settings() const {
    detect::ScanSettings scans;
    std::vector<store::Network> networks;
    for (const std::string& text : settings_.known_nat) {
        if (const auto network = store::parse_network(text)) networks.push_back(*network);
    }
    if (!networks.empty()) scans.known_nat = std::make_shared<const store::NetworkSet>(networks);
    return scans;
}

// Of captures everything is known by now.
void Sensor::suspect_scan(const detect::Scan& scan) {
    const auto segments = loop_.status().segments;
    if (segments && segments->layout().replay) {
        if (const auto confirmed = scans_.confirm(scan)) intake_.add_scan(*confirmed);
        return;
    }
    const std::lock_guard lock(suspects_mutex_);
    suspects_.push_back({scan, 0, Clock::now()});
    suspects_changed_.notify_all();
}

void Sensor::verify_scans() {
    std::vector<Suspect> suspects;
    std::unique_lock lock(suspects_mutex_);
    while (!stopping()) {
        if (suspects_.empty() && suspects.empty()) suspects_changed_.wait_for(lock, suspect_poll_interval);
        suspects.insert(suspects.end(), suspects_.begin(), suspects_.end());
        suspects_.clear();
        if (suspects.empty()) continue;
        verifying_ = true;
        lock.unlock();
        wait_for_answers(suspects);
        std::vector<detect::Scan> confirmed = settle(suspects, look_into(suspects));
        lock.lock();
        verifying_ = !suspects.empty();
        confirmed_.insert(confirmed_.end(), confirmed.begin(), confirmed.end());
        suspects_changed_.notify_all();
        if (verifying_) suspects_changed_.wait_for(lock, look_pause, [this] { return stopping(); });
    }
}

// One look then suffices for most of them.
void Sensor::wait_for_answers(std::span<const Suspect> suspects) {
    std::uint64_t decided_ns = 0;
    for (const Suspect& suspect : suspects)
        decided_ns = std::max(decided_ns, scans_.decided_ns(suspect.scan));
    const auto deadline = Clock::now() + answers_wait;
    while (!stopping() && now_ns() < decided_ns && Clock::now() < deadline) {
        const drain::LinkStatus link = loop_.status();
        if (!link.connected || link.segments->state() != api::DataplaneState::running) return;
        std::this_thread::sleep_for(clock_pause);
    }
}

// What is suspected soon after its first contact is judged anew. Of what goes on for longer connections that
// go on may be missing, and in its beginning those that were answered before the first failure was known.
std::uint64_t Sensor::look_into(std::span<const Suspect> suspects) {
    std::vector<detect::Scan> young;
    std::vector<detect::Scan> older;
    std::uint64_t known_until_ns = UINT64_MAX;
    for (const Suspect& suspect : suspects) {
        const detect::Scan& scan = suspect.scan;
        if (scan.kind == detect::ScanKind::distributed) {
            known_until_ns = std::min(known_until_ns, look_up_crowd(scan));
        } else {
            const bool is_young = scan.flagged_ns < scan.first_ns + beginning_ns;
            (is_young && keeps_flows() ? young : older).push_back(scan);
        }
    }
    if (!young.empty()) {
        if (const auto known = judge_anew(young)) {
            known_until_ns = std::min(known_until_ns, *known);
        } else {
            older.insert(older.end(), young.begin(), young.end());
        }
    }
    if (!older.empty()) known_until_ns = std::min(known_until_ns, look_up_older(older));
    return known_until_ns;
}

std::optional<FlowAnswer> Sensor::each_contact(const store::Query& query,
                                               const std::function<void(const store::StoredFlow&)>& visit) {
    try {
        return each_flow(query, visit);
    } catch (const archive::ArchiveUnreadable& error) {
        events_.warn("archive", std::string("scans are judged without what it holds: ") + error.what());
        return std::nullopt;
    }
}

std::optional<std::uint64_t> Sensor::judge_anew(std::span<const detect::Scan> suspects) {
    detect::ScanSettings settings = scan_settings();
    settings.collect = true;
    detect::ScanDetector detector(settings, [](const detect::Scan&) {});
    store::Query query;
    query.source = sources_of(suspects);
    query.since_ns = std::ranges::min(suspects, {}, &detect::Scan::first_ns).first_ns;
    detect::FlowsSeen seen;
    const auto answer = each_contact(query, [&](const store::StoredFlow& flow) {
        seen.add(flow.went_both_ways(), flow.last_ns);
        if (const auto contact = detect::contact_of(flow)) detector.add(*contact);
    });
    if (!answer) return std::nullopt;
    detector.note_flows(seen);
    detector.finish();
    for (const detect::Scan& suspect : suspects) scans_.judge_anew(suspect, detector);
    return answer->known_until_ns;
}

std::uint64_t Sensor::look_up_older(std::span<const detect::Scan> suspects) {
    store::FlatMap<api::Address, std::vector<detect::Contact>> contacts;
    const auto note = [&](const store::StoredFlow& flow) {
        if (const auto contact = detect::contact_of(flow)) contacts[flow.source].push_back(*contact);
    };
    for (const detect::Scan& suspect : suspects) {
        // After so many contacts those of the beginning decide nothing any more.
        if (!keeps_flows() || suspect.targets > detect::scan_contacts_kept) continue;
        store::Query query;
        query.source = sources_of({&suspect, 1});
        query.since_ns = suspect.first_ns;
        query.until_ns = suspect.first_ns + beginning_ns;
        static_cast<void>(each_contact(query, note));
    }
    store::Query query;
    query.source = sources_of(suspects);
    std::vector<std::string> notes;
    const LiveFlows live = walk(query, notes);
    std::ranges::for_each(live.flows, note);
    for (const detect::Scan& suspect : suspects) scans_.tell_again(suspect, contacts[suspect.source]);
    return live.known_until_ns;
}

std::uint64_t Sensor::look_up_crowd(const detect::Scan& suspect) {
    store::Query query;
    query.destination_port = suspect.port;
    query.protocol = suspect.protocol;
    std::vector<std::string> notes;
    const LiveFlows live = walk(query, notes);
    std::uint64_t successes = 0;
    for (const store::StoredFlow& flow : live.flows) {
        const auto contact = detect::contact_of(flow);
        if (contact && !contact->failed && contact->time_ns >= suspect.first_ns) ++successes;
    }
    scans_.add_live_successes(suspect, successes);
    return live.known_until_ns;
}

// Those that are decided go; returned are those that are scans.
std::vector<detect::Scan> Sensor::settle(std::vector<Suspect>& suspects, std::uint64_t known_until_ns) {
    std::vector<detect::Scan> confirmed;
    std::erase_if(suspects, [&](Suspect& suspect) {
        const std::uint64_t decided_ns = scans_.decided_ns(suspect.scan);
        if (decided_ns == 0) return true;
        if (decided_ns != suspect.decided_ns) suspect.since = Clock::now();
        suspect.decided_ns = decided_ns;
        const bool waited = Clock::now() - suspect.since > decision_wait;
        const auto scan = scans_.confirm(suspect.scan, waited ? UINT64_MAX : known_until_ns);
        if (scan) confirmed.push_back(*scan);
        return scan.has_value();
    });
    return confirmed;
}

// Of what goes on the verdict comes when it comes.
void Sensor::wait_for_verdicts() const {
    if (!loop_.status().input_finished) return;
    std::unique_lock lock(suspects_mutex_);
    suspects_changed_.wait_for(lock, suspicions_wait, [this] {
        return stopping() || (suspects_.empty() && !verifying_ && confirmed_.empty() && !announcing_);
    });
}

ScanAnswer Sensor::running_scans() {
    wait_for_verdicts();
    return {scans_.scans(), scans_.one_way(), scans_.forgotten(), {}};
}

// The detector forgets with its process, and a closed archive has none: what is on disk is judged anew, by
// time, as in a replay.
ScanAnswer Sensor::archived_scans(const store::Query& asked) {
    detect::ScanSettings settings = scan_settings();
    settings.collect = true;
    std::vector<detect::Scan> suspects;
    detect::ScanDetector detector(settings, [&](const detect::Scan& scan) { suspects.push_back(scan); });
    std::size_t contacts = 0;
    detect::FlowsSeen seen;
    const auto add = [&](const store::StoredFlow& flow) {
        seen.add(flow.went_both_ways(), flow.last_ns);
        const auto contact = detect::contact_of(flow);
        if (contact && contacts++ < detect::ScanDetector::collected_max) detector.add(*contact);
    };
    store::Query query;
    query.since_ns = asked.since_ns;
    query.until_ns = asked.until_ns;
    each_flow(query, add);
    ScanAnswer found;
    if (contacts > detect::ScanDetector::collected_max) {
        found.notes.push_back("only " + std::to_string(detect::ScanDetector::collected_max) + " of " +
                              std::to_string(contacts) +
                              " first contacts were judged: narrow --since and --until");
    }
    detector.note_flows(seen);
    detector.finish();
    for (const detect::Scan& suspect : suspects) static_cast<void>(detector.confirm(suspect));
    found.scans = detector.scans();
    found.one_way = detector.one_way();
    found.forgotten = detector.forgotten();
    return found;
}

// What goes on now is in the running detector, however much there is on disk.
ScanAnswer Sensor::scans(const store::Query& query) {
    if (!archive_ || !archive_->has_history()) return running_scans();
    if (is_closed_archive()) return archived_scans(query);
    const ScanAnswer running = running_scans();
    ScanAnswer answer = archived_scans(query);
    answer.scans = detect::merge_scans(std::move(answer.scans), running.scans);
    answer.forgotten += running.forgotten;
    return answer;
}

void Sensor::announce_scans() {
    std::vector<detect::Scan> confirmed;
    {
        const std::lock_guard lock(suspects_mutex_);
        confirmed.swap(confirmed_);
        announcing_ = !confirmed.empty();
    }
    if (confirmed.empty()) return;
    for (const detect::Scan& scan : confirmed) intake_.add_scan(scan);
    const std::lock_guard lock(suspects_mutex_);
    announcing_ = false;
    suspects_changed_.notify_all();
}

}  // namespace picket
