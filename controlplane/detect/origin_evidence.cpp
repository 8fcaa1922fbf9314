#include "controlplane/detect/origin_evidence.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <numeric>

namespace picket::detect {
namespace {

using store::StoredFlow;
using Flows = std::span<const StoredFlow* const>;

// Weights, in bits for each source beyond the first. Hosts begin with a TTL of 64, 128 or 255 and are 5 to 25
// routers away, most of them 10 to 18: two agree in one case of eight or so.
constexpr double ttl_bits = 3;
constexpr double ttl_bits_max = 30;
constexpr double ip_id_bits = 16;
constexpr double ip_id_bits_max = 64;
constexpr double tos_bits = 3;  // a TOS other than 0 is rare, but may be a provider's mark
constexpr double tos_bits_max = 12;
// For each step from a flow to the next one of another source.
constexpr double step_bits = 13;
constexpr double step_bits_max = 64;
constexpr std::size_t steps_min = 4;
constexpr double steps_share_min = 0.5;

// The value that all flows have, or nothing.
template <typename Value>
std::optional<Value> common_value(Flows flows, const std::function<Value(const StoredFlow&)>& value_of) {
    const Value first = value_of(*flows.front());
    const bool all =
        std::ranges::all_of(flows, [&](const StoredFlow* flow) { return value_of(*flow) == first; });
    return all ? std::optional(first) : std::nullopt;
}

std::string text(const char* format, auto... values) {
    std::array<char, 160> buffer;
    const int length = std::snprintf(buffer.data(), buffer.size(), format, values...);
    return {buffer.data(), std::min<std::size_t>(static_cast<std::size_t>(length), buffer.size() - 1)};
}

// Steps in time from a flow to the next one, where that has another source.
struct Steps {
    std::size_t all = 0;
    std::size_t close = 0;  // the counter rose by one or two
    std::uint64_t gap_ns_median = 0;
    [[nodiscard]] bool tell() const noexcept {
        return close >= steps_min && static_cast<double>(close) >= steps_share_min * static_cast<double>(all);
    }
};

Steps steps_of(Flows flows, const std::function<std::uint16_t(const StoredFlow&)>& counter_of) {
    Steps steps;
    std::vector<std::uint64_t> gaps_ns;
    for (std::size_t i = 1; i < flows.size(); ++i) {
        const StoredFlow& before = *flows[i - 1];
        const StoredFlow& flow = *flows[i];
        if (before.source == flow.source) continue;
        ++steps.all;
        const auto rise = static_cast<std::uint16_t>(counter_of(flow) - counter_of(before));
        if (rise != 1 && rise != 2) continue;
        ++steps.close;
        gaps_ns.push_back(flow.start_ns - before.start_ns);
    }
    if (!gaps_ns.empty()) {
        const auto middle = gaps_ns.begin() + static_cast<std::ptrdiff_t>(gaps_ns.size() / 2);
        std::ranges::nth_element(gaps_ns, middle);
        steps.gap_ns_median = *middle;
    }
    return steps;
}

std::string steps_text(const char* what, const Steps& steps) {
    return text("%s rise from source to source (%zu of %zu steps, %.3g ms apart in the median)", what,
                steps.close, steps.all, static_cast<double>(steps.gap_ns_median) * 1e-6);
}

void add_ttl(Evidence& evidence, Flows flows, double others) {
    const std::uint8_t ttl = flows.front()->directions[0].ttl_min;
    const bool varies = std::ranges::any_of(
        flows, [&](const StoredFlow* flow) { return flow->directions[0].ttl_max != ttl; });
    if (varies) return;
    evidence.findings.push_back(
        {std::min(others * ttl_bits, ttl_bits_max), text("one TTL, %u, whatever the source", unsigned{ttl})});
}

void add_ip_id(Evidence& evidence, Flows flows, double others) {
    evidence.ip_id = common_value<std::uint16_t>(
        flows, [](const StoredFlow& flow) { return flow.directions[0].ip_id_first; });
    if (evidence.ip_id) {
        if (*evidence.ip_id == 0) return;  // what many hosts send (RFC 6864 §4.1)
        evidence.findings.push_back({std::min(others * ip_id_bits, ip_id_bits_max),
                                     text("one IP ID, %u, in all flows", unsigned{*evidence.ip_id})});
        return;
    }
    const Steps steps =
        steps_of(flows, [](const StoredFlow& flow) { return flow.directions[0].ip_id_first; });
    if (!steps.tell()) return;
    evidence.findings.push_back(
        {std::min(static_cast<double>(steps.close) * step_bits, step_bits_max), steps_text("IP IDs", steps)});
}

void add_tos(Evidence& evidence, Flows flows, double others) {
    evidence.tos = common_value<std::uint8_t>(
        flows, [](const StoredFlow& flow) { return flow.directions[0].tos_first; });
    if (!evidence.tos || *evidence.tos == 0) return;
    evidence.findings.push_back({std::min(others * tos_bits, tos_bits_max),
                                 text("one TOS, 0x%02x, in all flows", unsigned{*evidence.tos})});
}

void add_ports(Evidence& evidence, Flows flows) {
    const Steps steps = steps_of(flows, [](const StoredFlow& flow) { return flow.source_port; });
    if (!steps.tell()) return;
    evidence.findings.push_back({std::min(static_cast<double>(steps.close) * step_bits, step_bits_max),
                                 steps_text("source ports", steps)});
}

}  // namespace

double Evidence::bits() const noexcept {
    return std::accumulate(findings.begin(), findings.end(), 0.0,
                           [](double sum, const Finding& finding) { return sum + finding.bits; });
}

std::vector<std::string> Evidence::sentences() const {
    std::vector<Finding> sorted = findings;
    std::ranges::stable_sort(sorted, std::greater{}, &Finding::bits);
    std::vector<std::string> sentences;
    for (Finding& finding : sorted) sentences.push_back(std::move(finding.sentence));
    return sentences;
}

Evidence gather_evidence(Flows flows, std::size_t sources, bool ttl_counts) {
    Evidence evidence;
    if (flows.empty()) return evidence;
    const double others = static_cast<double>(sources) - 1;
    if (ttl_counts) add_ttl(evidence, flows, others);
    add_ip_id(evidence, flows, others);
    add_tos(evidence, flows, others);
    add_ports(evidence, flows);
    return evidence;
}

}  // namespace picket::detect
