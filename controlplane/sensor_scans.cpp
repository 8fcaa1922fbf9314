// Suspected scans are looked into before anybody hears of them.
#include <algorithm>
#include <thread>

#include "controlplane/detect/scan_merge.h"
#include "controlplane/detect/scan_verifier.h"
#include "controlplane/sensor.h"

namespace picket {
namespace {

constexpr std::chrono::milliseconds suspect_poll_interval{500};
constexpr std::chrono::milliseconds suspicions_wait{5'000};
constexpr std::chrono::milliseconds clock_pause{20};
constexpr std::chrono::milliseconds look_pause{1'000};
constexpr std::chrono::milliseconds answers_wait{2'000};

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
    suspects_.push_back(scan);
    suspects_changed_.notify_all();
}

// At most one look a second.
void Sensor::verify_scans() {
    SuspectFlowsOfSensor flows(*this);
    detect::ScanVerifier verifier(scans_, flows);
    std::unique_lock lock(suspects_mutex_);
    while (!stopping()) {
        if (suspects_.empty() && verifier.empty()) suspects_changed_.wait_for(lock, suspect_poll_interval);
        for (const detect::Scan& scan : suspects_) verifier.add(scan, detect::ScanVerifier::Clock::now());
        suspects_.clear();
        if (verifier.empty()) continue;
        verifying_ = true;
        lock.unlock();
        wait_for_answers(verifier.due_ns());
        const auto confirmed = verifier.look(detect::ScanVerifier::Clock::now());
        lock.lock();
        verifying_ = !verifier.empty();
        confirmed_.insert(confirmed_.end(), confirmed.begin(), confirmed.end());
        suspects_changed_.notify_all();
        suspects_changed_.wait_for(lock, look_pause, [this] { return stopping(); });
    }
}

// One look then suffices for most of them.
void Sensor::wait_for_answers(std::uint64_t due_ns) const {
    const auto deadline = std::chrono::steady_clock::now() + answers_wait;
    while (!stopping() && now_ns() < due_ns && std::chrono::steady_clock::now() < deadline) {
        const drain::LinkStatus link = loop_.status();
        if (!link.connected || link.segments->state() != api::DataplaneState::running) return;
        std::this_thread::sleep_for(clock_pause);
    }
}

detect::SuspectFlows::Known Sensor::SuspectFlowsOfSensor::each_flow(const store::Query& query,
                                                                    const Visit& visit) {
    if (sensor_.stopping()) return {};
    try {
        const FlowAnswer answer = sensor_.each_flow(query, visit);
        return {answer.known_until_ns, answer.horizon_ns};
    } catch (const archive::ArchiveUnreadable& error) {
        sensor_.events_.warn("archive",
                             std::string("scans are judged without what it holds: ") + error.what());
        return {};
    }
}

detect::SuspectFlows::Known Sensor::SuspectFlowsOfSensor::each_live_flow(const store::Query& query,
                                                                         const Visit& visit) {
    if (sensor_.stopping()) return {};
    std::vector<std::string> notes;
    const LiveFlows live = sensor_.walk(query, notes);
    std::ranges::for_each(live.flows, visit);
    return {live.known_until_ns, 0};
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
