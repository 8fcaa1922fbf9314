#include "controlplane/detect/counter_snapshot.h"

#include <algorithm>
#include <numeric>
#include <thread>

#include "controlplane/detect/event_log.h"

namespace picket::detect {

namespace {

constexpr unsigned tries_max = 20'000;

bool read_worker(const api::WorkerArea& area, std::uint32_t ports, WorkerSnapshot& out) {
    for (unsigned i = 0; i < tries_max; ++i) {
        const auto begin = area.sequence.read_begin();
        api::load_words(out.counters, area.counters);
        for (std::uint32_t port = 0; port < ports; ++port) api::load_words(out.ports[port], area.ports[port]);
        if (area.sequence.read_ok(begin)) return true;
        // On one core, the writer can only finish if it gets to run.
        if (i % 64 == 63) std::this_thread::yield();
    }
    return false;
}

template <std::size_t N>
std::string text_of(const std::array<char, N>& bytes) {
    return {bytes.begin(), std::find(bytes.begin(), bytes.end(), '\0')};
}

std::uint64_t total(const std::array<std::uint64_t, api::xdp_queues_max>& queues) {
    return std::accumulate(queues.begin(), queues.end(), std::uint64_t{0});
}

}  // namespace

void Audit::add(const api::PortAudit& audit) noexcept {
    received += audit.received;
    received_bytes += audit.received_bytes;
    in_flows += audit.in_flows;
    held += audit.held;
    handed_out += audit.handed_out;
    taken_in += audit.taken_in;
    duplicates += audit.duplicates;
    recorded += audit.recorded;
    recorded_one_way += audit.recorded_one_way;
    recorded_swapped += audit.recorded_swapped;
    for (std::size_t i = 0; i < outcomes.size(); ++i) outcomes[i] += audit.outcomes[i];
}

void Audit::add(const Audit& audit) noexcept {
    received += audit.received;
    received_bytes += audit.received_bytes;
    in_flows += audit.in_flows;
    held += audit.held;
    handed_out += audit.handed_out;
    taken_in += audit.taken_in;
    duplicates += audit.duplicates;
    recorded += audit.recorded;
    recorded_one_way += audit.recorded_one_way;
    recorded_swapped += audit.recorded_swapped;
    for (std::size_t i = 0; i < outcomes.size(); ++i) outcomes[i] += audit.outcomes[i];
}

std::uint64_t Audit::outcomes_total() const noexcept {
    return std::accumulate(outcomes.begin(), outcomes.end(), std::uint64_t{0});
}

std::uint64_t Audit::in_transit() const noexcept {
    return handed_out > taken_in ? handed_out - taken_in : 0;
}

std::uint64_t Audit::outcome(api::Outcome name) const noexcept {
    return outcomes[static_cast<std::size_t>(name)];
}

bool Audit::balanced() const noexcept {
    return received + taken_in == in_flows + held + outcomes_total() + handed_out;
}

Audit CounterSnapshot::port_audit(std::size_t port) const noexcept {
    Audit audit;
    for (const auto& worker : workers) audit.add(worker.ports[port]);
    return audit;
}

Audit CounterSnapshot::audit() const noexcept {
    Audit audit;
    for (std::size_t port = 0; port < ports.size(); ++port) audit.add(port_audit(port));
    return audit;
}

std::uint64_t CounterSnapshot::sum(std::uint64_t api::WorkerCounters::*counter) const noexcept {
    std::uint64_t result = 0;
    for (const auto& worker : workers) result += worker.counters.*counter;
    return result;
}

std::uint64_t CounterSnapshot::events_dropped(api::EventKind kind) const noexcept {
    std::uint64_t result = 0;
    for (const auto& worker : workers)
        result += worker.counters.events_dropped[static_cast<std::size_t>(kind)];
    return result;
}

std::uint64_t CounterSnapshot::device_lost() const noexcept {
    std::uint64_t result = 0;
    for (const auto& port : ports) {
        result += port.counters.missed + port.counters.no_mbuf;
        if (port.counters.has_xdp) result += total(port.counters.xdp_no_socket);
    }
    return result;
}

std::uint64_t CounterSnapshot::flow_records_dropped() const noexcept {
    using api::EventKind;
    return events_dropped(EventKind::flow) + events_dropped(EventKind::http_request) +
           events_dropped(EventKind::http_response) + events_dropped(EventKind::http_response_end) +
           events_dropped(EventKind::rule_hit) + events_dropped(EventKind::watch_hit);
}

std::uint64_t CounterSnapshot::analysis_lost() const noexcept {
    const Audit all = audit();
    return all.outcome(api::Outcome::steer_full) + all.outcome(api::Outcome::table_full) +
           all.outcome(api::Outcome::oversize) + flow_records_dropped();
}

std::uint64_t CounterSnapshot::folded() const noexcept {
    return audit().outcome(api::Outcome::folded) + sum(&api::WorkerCounters::folded_records);
}

std::optional<CounterSnapshot> take_counters(const drain::Segments& segments) {
    CounterSnapshot snapshot;
    snapshot.taken_ns = utc_now_ns();
    snapshot.workers.resize(segments.layout().workers);
    for (std::uint32_t i = 0; i < segments.layout().workers; ++i) {
        if (!read_worker(segments.worker(i), segments.layout().ports, snapshot.workers[i]))
            return std::nullopt;
    }
    for (std::uint32_t i = 0; i < segments.layout().ports; ++i) {
        const api::PortArea& area = segments.port(i);
        PortSnapshot port{text_of(area.name), text_of(area.group), text_of(area.device), {}};
        if (!area.counters.read(port.counters, tries_max)) return std::nullopt;
        snapshot.ports.push_back(std::move(port));
    }
    for (std::uint32_t i = 0; i < segments.ring_count(); ++i) {
        snapshot.ring_bytes += segments.layout().ring_size;
        snapshot.ring_used_bytes += segments.ring_used(i);
        snapshot.ring_written_bytes +=
            segments.evidence().ring_written[i].value.load(std::memory_order_relaxed);
    }
    return snapshot;
}

}  // namespace picket::detect
