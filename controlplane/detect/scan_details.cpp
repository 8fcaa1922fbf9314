#include "controlplane/detect/scan_details.h"

#include <algorithm>
#include <map>
#include <set>

#include "controlplane/detect/pace.h"

namespace picket::detect {
namespace {

using store::FlowOutcome;
using store::StoredFlow;

bool belongs_to(const Scan& scan, const StoredFlow& flow) noexcept {
    if (flow.protocol != scan.protocol ||
        (scan.kind != ScanKind::distributed && flow.source != scan.source)) {
        return false;
    }
    if (scan.kind == ScanKind::port_scan) return flow.destination == scan.destination;
    return scan.port == 0 || flow.destination_port == scan.port;
}

}  // namespace

ScanDetails scan_details(const Scan& scan, std::span<const StoredFlow* const> flows, std::uint64_t now_ns) {
    using Target = std::pair<std::array<std::uint8_t, 16>, std::uint16_t>;
    std::map<Target, const StoredFlow*> first_contacts;
    ScanDetails details;
    for (const StoredFlow* flow : flows) {
        if (!belongs_to(scan, *flow)) continue;
        ++details.flows;
        const StoredFlow*& first = first_contacts[{flow->destination.bytes, flow->destination_port}];
        if (first == nullptr || flow->start_ns < first->start_ns) first = flow;
    }
    std::set<std::array<std::uint8_t, 16>> destinations;
    std::set<std::uint16_t> ports;
    std::vector<const StoredFlow*> contacts;
    for (const auto& [target, flow] : first_contacts) {
        destinations.insert(target.first);
        ports.insert(target.second);
        contacts.push_back(flow);
    }
    details.destinations = destinations.size();
    details.ports = ports.size();
    std::ranges::sort(contacts, {}, &StoredFlow::start_ns);
    Pace pace;
    for (const StoredFlow* flow : contacts) {
        const FlowOutcome outcome = store::outcome_of(*flow);
        ++details.outcomes[static_cast<std::size_t>(outcome)];
        pace.add(flow->start_ns, outcome == FlowOutcome::answered);
    }
    details.first_ns = pace.first_ns();
    details.last_ns = pace.last_ns();
    details.stopped = pace.stopped(now_ns);
    details.stopped_after_first_answer = details.stopped && pace.ends_with_first_answer();
    return details;
}

}  // namespace picket::detect
