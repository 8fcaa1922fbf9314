#include "controlplane/detect/scan_details.h"

#include <algorithm>
#include <tuple>

#include "controlplane/detect/contact.h"
#include "controlplane/detect/pace.h"

namespace picket::detect {

using store::FlowOutcome;
using store::StoredFlow;

FlowsOfScans::FlowsOfScans(std::span<const Scan> scans) : scans_(scans) {
    for (std::uint32_t i = 0; i < scans.size(); ++i) {
        if (scans[i].kind == ScanKind::distributed) {
            distributed_.push_back(i);
        } else {
            by_source_[scans[i].source].push_back(i);
        }
    }
}

bool FlowsOfScans::belongs(const Scan& scan, const StoredFlow& flow) noexcept {
    if (flow.protocol != scan.protocol) return false;
    if (scan.kind == ScanKind::port_scan) return flow.destination == scan.destination;
    return scan.port == 0 || flow.destination_port == scan.port;
}

bool FlowsOfScans::is_of_crowd(const Scan& scan, const StoredFlow& flow) noexcept {
    if (flow.protocol != scan.protocol || flow.destination_port != scan.port) return false;
    if (flow.start_ns < scan.first_ns || flow.start_ns > scan.last_ns) return false;
    const auto contact = contact_of(flow);
    return contact && contact->failed;
}

// What still waited for an answer when the input ended, after one SYN or two, is told as such in the
// outcomes.
bool ScanDetailer::has_failed(const StoredFlow& flow) noexcept {
    const auto contact = contact_of(flow);
    return contact && contact->failed && contact->waiting_since_ns == 0;
}

void ScanDetailer::add(const StoredFlow& flow) {
    flows_of_.visit(flow, [&](std::size_t scan) {
        Gathered& gathered = gathered_[scan];
        ++gathered.flows;
        auto& contacts = gathered.first_contacts;
        const std::size_t before = contacts.size();
        Contact* contact = contacts.find_or_add({flow.destination, flow.destination_port},
                                                before + (contacts_ < contacts_max ? 1 : 0));
        if (contact == nullptr) {
            ++left_out_;
            return;
        }
        const bool fresh = contacts.size() > before;
        contacts_ += fresh ? 1 : 0;
        if (fresh || std::tie(flow.start_ns, flow.id) < std::tie(contact->start_ns, contact->id))
            *contact = {flow.start_ns, flow.id, store::outcome_of(flow), has_failed(flow)};
    });
}

ScanDetails ScanDetailer::details(std::size_t scan, std::uint64_t now_ns) const {
    const Gathered& gathered = gathered_[scan];
    ScanDetails details;
    details.flows = gathered.flows;
    if (details.flows == 0) {
        const Scan& told = scans_[scan];
        details.stopped = has_stopped(told.first_ns, told.last_ns, told.failures, now_ns);
        return details;
    }
    store::FlatMap<api::Address, std::uint8_t> destinations;
    store::FlatMap<std::uint16_t, std::uint8_t> ports;
    std::vector<std::tuple<std::uint64_t, std::uint64_t, bool>> contacts;
    gathered.first_contacts.for_each([&](const Target& target, const Contact& contact) {
        destinations[target.address] = 1;
        ports[target.port] = 1;
        ++details.outcomes[static_cast<std::size_t>(contact.outcome)];
        details.failures += contact.failed ? 1 : 0;
        contacts.emplace_back(contact.start_ns, contact.id, contact.outcome == FlowOutcome::answered);
    });
    details.destinations = destinations.size();
    details.ports = ports.size();
    std::ranges::sort(contacts);
    Pace pace;
    for (const auto& [start_ns, id, answered] : contacts) pace.add(start_ns, answered);
    details.first_ns = pace.first_ns();
    details.last_ns = pace.last_ns();
    details.stopped = pace.stopped(now_ns);
    details.stopped_after_first_answer = details.stopped && pace.ends_with_first_answer();
    return details;
}

}  // namespace picket::detect
