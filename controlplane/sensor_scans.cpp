// Suspected scans are looked into before anybody hears of them.
#include <thread>

#include "controlplane/detect/scan_merge.h"
#include "controlplane/sensor.h"

namespace picket {
namespace {

constexpr std::chrono::milliseconds suspect_poll_interval{500};
constexpr std::chrono::milliseconds suspicions_wait{5'000};
constexpr std::chrono::milliseconds walk_pause{20};
constexpr unsigned walks_max = 100;

}  // namespace

detect::ScanSettings Sensor::scan_settings() const {
    detect::ScanSettings scans;
    scans.collect = settings_.replay;
    std::vector<store::Network> networks;
    for (const std::string& text : settings_.known_nat) {
        if (const auto network = store::parse_network(text)) networks.push_back(*network);
    }
    if (!networks.empty()) scans.known_nat = std::make_shared<const store::NetworkSet>(networks);
    return scans;
}

// Of a replay everything is known by now.
void Sensor::suspect_scan(const detect::Scan& scan) {
    if (settings_.replay) {
        if (const auto confirmed = scans_.confirm(scan)) intake_.add_scan(*confirmed);
        return;
    }
    const std::lock_guard lock(suspects_mutex_);
    suspects_.push_back(scan);
    suspects_changed_.notify_all();
}

void Sensor::verify_scans() {
    std::unique_lock lock(suspects_mutex_);
    while (!stopping()) {
        if (suspects_.empty()) suspects_changed_.wait_for(lock, suspect_poll_interval);
        std::vector<detect::Scan> suspects;
        suspects.swap(suspects_);
        if (suspects.empty()) continue;
        verifying_ = true;
        lock.unlock();
        look_up_live_flows(suspects);
        std::vector<detect::Scan> confirmed;
        for (const detect::Scan& suspect : suspects) {
            if (const auto scan = scans_.confirm(suspect)) confirmed.push_back(*scan);
        }
        lock.lock();
        verifying_ = false;
        confirmed_.insert(confirmed_.end(), confirmed.begin(), confirmed.end());
        suspects_changed_.notify_all();
    }
}

// What the suspects' other connections have come to so far is asked of the data plane. When its input ends
// meanwhile, all flows end, and their records tell.
void Sensor::look_up_live_flows(const std::vector<detect::Scan>& suspects) {
    std::vector<store::Network> sources;
    for (const detect::Scan& suspect : suspects) sources.push_back({suspect.source, 128});
    store::Query query;
    query.source = std::make_shared<const store::NetworkSet>(sources);
    const auto is_running = [](const drain::LinkStatus& link) {
        return link.connected && link.segments->state() == api::DataplaneState::running;
    };
    for (unsigned tries = 0; tries < walks_max && !stopping(); ++tries) {
        const drain::LinkStatus link = loop_.status();
        if (!is_running(link) && (!link.connected || link.input_finished)) return;
        std::vector<std::string> notes;
        for (const store::StoredFlow& flow : walk(query, notes)) {
            if (const auto contact = detect::contact_of(flow)) scans_.add(*contact);
        }
        // If the input has ended before the walk, it has shown nothing, and records may still be in the
        // rings.
        if (notes.empty() && is_running(loop_.status())) return;
        std::this_thread::sleep_for(walk_pause);
    }
}

ScanAnswer Sensor::running_scans() {
    std::unique_lock lock(suspects_mutex_);
    suspects_changed_.wait_for(lock, suspicions_wait,
                               [this] { return stopping() || (suspects_.empty() && !verifying_); });
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
    }
    for (const detect::Scan& scan : confirmed) intake_.add_scan(scan);
}

}  // namespace picket
