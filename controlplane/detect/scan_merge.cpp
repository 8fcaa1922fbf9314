#include "controlplane/detect/scan_merge.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace picket::detect {
namespace {

using Key = std::tuple<ScanKind, std::uint8_t, std::uint16_t, api::Address, api::Address>;

Key key_of(const Scan& scan) {
    const bool ports = scan.kind == ScanKind::port_scan;
    return {scan.kind, scan.protocol, ports ? std::uint16_t{0} : scan.port,
            scan.kind == ScanKind::distributed ? api::Address{} : scan.source,
            ports ? scan.destination : api::Address{}};
}

void widen(Scan& scan, const Scan& other) {
    if (other.last_ns > scan.last_ns) {
        scan.source = other.source;
        scan.destination = other.destination;
    }
    scan.flagged_ns = std::min(scan.flagged_ns, other.flagged_ns);
    scan.first_ns = std::min(scan.first_ns, other.first_ns);
    scan.last_ns = std::max(scan.last_ns, other.last_ns);
    scan.targets = std::max(scan.targets, other.targets);
    scan.failures = std::max(scan.failures, other.failures);
    scan.sources = std::max(scan.sources, other.sources);
}

}  // namespace

std::vector<Scan> merge_scans(std::vector<Scan> archived, const std::vector<Scan>& running) {
    std::map<Key, std::size_t> places;
    for (std::size_t i = 0; i < archived.size(); ++i) places.emplace(key_of(archived[i]), i);
    for (const Scan& scan : running) {
        const auto [place, fresh] = places.emplace(key_of(scan), archived.size());
        if (fresh) {
            archived.push_back(scan);
        } else {
            widen(archived[place->second], scan);
        }
    }
    return archived;
}

}  // namespace picket::detect
