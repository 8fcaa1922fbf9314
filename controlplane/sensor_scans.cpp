// Suspected scans are looked into before anybody hears of them.
#include <thread>

#include "controlplane/sensor.h"

namespace picket {
namespace {

constexpr std::chrono::milliseconds suspect_poll_interval{500};
constexpr std::chrono::milliseconds suspicions_wait{5'000};
constexpr std::chrono::milliseconds walk_pause{20};
constexpr unsigned walks_max = 100;

}  // namespace

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
    for (unsigned tries = 0; tries < walks_max && !stopping(); ++tries) {
        const drain::LinkStatus link = loop_.status();
        const bool running = link.connected && link.segments->state() == api::DataplaneState::running;
        if (!running && (!link.connected || link.input_finished)) return;
        std::vector<std::string> notes;
        for (const store::StoredFlow& flow : walk(query, notes)) {
            if (const auto contact = detect::contact_of(flow)) scans_.add(*contact);
        }
        if (running && notes.empty()) return;
        std::this_thread::sleep_for(walk_pause);
    }
}

std::vector<detect::Scan> Sensor::scans() {
    std::unique_lock lock(suspects_mutex_);
    suspects_changed_.wait_for(lock, suspicions_wait,
                               [this] { return stopping() || (suspects_.empty() && !verifying_); });
    return scans_.scans();
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
