#include "bench/tool/population.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "dataplane/flow/flow_entry.h"

namespace picket::bench {
namespace {

constexpr std::uint64_t idle_ns = 15'000'000'000;  // Picket's default
constexpr std::uint64_t spare_flows = 4096;
constexpr std::uint64_t flood_flows = 1000;

// A live flow whose next packet is later than its idle timeout would end. With uniformly random flows the
// wait is exponential: one in e^16 is longer than 16 times its mean.
constexpr double waits_a_timeout = 16;
// While new flows are few, packet time is stretched no more than makes so many of the flows silent.
constexpr double silent_share = 0.44;
// Where it is stretched the timeout is shorter: at the default one side in nine would be silent for more than
// the 4.2 s that a flow's line can tell, which no flow with so many packets is at line rate.
constexpr std::uint64_t stretched_idle_ns = 6'000'000'000;
// The wheel finds a silent flow within two ticks of its timeout, in the mean after one.
constexpr double stretched_late_share = 1.07 / 6;

// Over a port packet time is real time: the slowest rate at which all flows are to live, and the highest.
constexpr double port_rate_min = 2e6;
constexpr double port_rate_max = 20e6;

Population in_packet_time(double flows, double share) {
    Population result;
    result.idle_timeout_ns = idle_ns;
    result.packet_gap_ns = line_gap_ns;
    if (share <= 0) {
        result.live = static_cast<std::uint64_t>(flows);
        return result;
    }
    const double timeout_at_line_rate = static_cast<double>(idle_ns) / line_gap_ns;  // in packets
    double timeout = timeout_at_line_rate;
    double begun_a_timeout = share;  // flows that begin while one is silent, a packet of the timeout
    if (share >= 1) {
        timeout = flows;
    } else if (share * timeout_at_line_rate > silent_share * flows) {
        result.idle_timeout_ns = stretched_idle_ns;
        begun_a_timeout = share * (1 + stretched_late_share);
        timeout = silent_share * flows / begun_a_timeout;
        if (timeout < waits_a_timeout * (1 - silent_share) * flows)
            timeout = waits_a_timeout * flows / (1 + waits_a_timeout * begun_a_timeout);
    }
    result.silent = static_cast<std::uint64_t>(std::min(flows, std::round(begun_a_timeout * timeout)));
    result.live = static_cast<std::uint64_t>(flows) - result.silent;
    result.packet_gap_ns = static_cast<double>(result.idle_timeout_ns) / timeout;
    return result;
}

Population in_real_time(double flows, double share) {
    Population result;
    result.live = static_cast<std::uint64_t>(flows);
    const double idle_s = share > 0 ? std::max(2.0, waits_a_timeout * flows / port_rate_min) : 300.0;
    result.idle_timeout_ns = static_cast<std::uint64_t>(idle_s * 1e9);
    // Two ticks of the timer wheel may pass beyond the timeout.
    result.silent = share > 0 ? static_cast<std::uint64_t>(share * port_rate_max * (idle_s + 3)) : 0;
    return result;
}

// Of the packets that begin a flow. How many packets a second there are is not known yet where flows a second
// are asked for.
double share_of(const RowSettings& row) noexcept {
    constexpr double packet_s_guess = 50e-9;
    constexpr double share_max = 0.5;
    if (row.new_flows_per_s <= 0) return row.new_flows_share;
    return std::min(row.new_flows_per_s / row.workers * packet_s_guess, share_max);
}

}  // namespace

Population population_of(const RowSettings& row) {
    const double share = share_of(row);
    const auto flows = static_cast<double>(row.flows / row.workers);
    Population result;
    if (row.flood) {
        result.live = std::min<std::uint64_t>(flood_flows, row.flows / row.workers / 2);
        result.silent = row.flows / row.workers - result.live;
        result.idle_timeout_ns = idle_ns;
        result.packet_gap_ns = row.via == Via::memory ? line_gap_ns : 0;
        result.capacity = row.flows / row.workers;
    } else {
        result = row.via == Via::memory ? in_packet_time(flows, share) : in_real_time(flows, share);
        // The wheel finds a silent flow up to two of fifteen ticks after its timeout.
        result.capacity = result.live + result.silent + result.silent / 4 + spare_flows;
        if (row.new_flows_per_s > 0) result.capacity += result.silent;
    }
    if (row.capacity != 0) result.capacity = std::max<std::uint64_t>(row.capacity / row.workers, 1);
    return result;
}

std::uint64_t bytes_of(const Population& population) {
    const std::uint64_t slots = std::bit_ceil(population.capacity * 2);
    constexpr std::uint64_t links = 64;  // timers, IPv6 addresses, free lists
    return slots * sizeof(flow::HotFlow) + population.capacity * (sizeof(flow::ColdFlow) + links) +
           (population.live + population.silent) * 64;
}

}  // namespace picket::bench
