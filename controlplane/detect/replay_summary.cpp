#include "controlplane/detect/replay_summary.h"

#include <algorithm>
#include <bit>

namespace picket::detect {

void ReplaySummary::Count::add(const api::FlowRecord& record, std::int64_t utc_minus_packet_ns) noexcept {
    packets += record.directions[0].packets + record.directions[1].packets;
    bytes += record.directions[0].bytes + record.directions[1].bytes;
    // Every flow has exactly one first part, so that these count distinct flows.
    flows += record.part == 1 ? 1 : 0;
    const auto shift = static_cast<std::uint64_t>(utc_minus_packet_ns);
    first_ns = first_ns == 0 ? record.start_ns + shift : std::min(first_ns, record.start_ns + shift);
    last_ns = std::max(last_ns, record.part_last_ns + shift);
}

void ReplaySummary::count_flows(bool enabled) {
    const std::lock_guard lock(mutex_);
    count_flows_ = enabled;
    // Moving a table of many talkers would need the memory of both for a moment.
    if (enabled) talkers_.reserve(talkers_max);
}

void ReplaySummary::add_flows(std::span<const api::FlowRecord* const> records,
                              std::int64_t utc_minus_packet_ns) {
    if (!count_flows_) return;
    const std::lock_guard lock(mutex_);
    // PERF: the table of talkers does not fit a cache when a capture has many sources; asking for the cells
    // ahead lets the misses overlap.
    constexpr std::size_t ahead = 16;
    for (std::size_t i = 0; i < records.size(); ++i) {
        if (i + ahead < records.size()) talkers_.prefetch(records[i + ahead]->source);
        const api::FlowRecord& record = *records[i];
        flows_ += record.part == 1 ? 1 : 0;
        protocols_[record.protocol].add(record, utc_minus_packet_ns);
        Count* talker = talkers_.find_or_add(record.source, talkers_max);
        (talker != nullptr ? *talker : other_).add(record, utc_minus_packet_ns);
    }
}

void ReplaySummary::add_capture(CaptureFile capture) {
    const std::lock_guard lock(mutex_);
    captures_.push_back(std::move(capture));
}

void ReplaySummary::add_input_done(std::uint16_t worker) {
    const std::lock_guard lock(mutex_);
    if (worker < api::workers_max) workers_done_ |= std::uint64_t{1} << worker;
}

std::uint64_t ReplaySummary::flows() const {
    const std::lock_guard lock(mutex_);
    return flows_;
}

std::vector<CaptureFile> ReplaySummary::captures() const {
    const std::lock_guard lock(mutex_);
    return captures_;
}

std::vector<Talker> ReplaySummary::talkers(std::size_t count) const {
    std::vector<Talker> top;
    const auto before = [](const Talker& a, const Talker& b) {
        if (a.bytes != b.bytes) return a.bytes > b.bytes;
        return a.flows != b.flows ? a.flows > b.flows : a.address < b.address;
    };
    const std::lock_guard lock(mutex_);
    talkers_.for_each([&](const api::Address& address, const Count& counted) {
        const Talker talker{address,       counted.flows,    counted.packets,
                            counted.bytes, counted.first_ns, counted.last_ns};
        if (top.size() >= count && !before(talker, top.back())) return;
        top.insert(std::upper_bound(top.begin(), top.end(), talker, before), talker);
        if (top.size() > count) top.pop_back();
    });
    return top;
}

Talker ReplaySummary::other_talkers() const {
    const std::lock_guard lock(mutex_);
    return {{}, other_.flows, other_.packets, other_.bytes, other_.first_ns, other_.last_ns};
}

std::vector<ProtocolCount> ReplaySummary::protocols() const {
    std::vector<ProtocolCount> counts;
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < protocols_.size(); ++i) {
        const Count& count = protocols_[i];
        if (count.flows == 0 && count.packets == 0) continue;
        counts.push_back({static_cast<std::uint8_t>(i), count.flows, count.packets, count.bytes});
    }
    std::sort(counts.begin(), counts.end(), [](const auto& a, const auto& b) {
        return a.packets != b.packets ? a.packets > b.packets : a.protocol < b.protocol;
    });
    return counts;
}

std::size_t ReplaySummary::workers_done() const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::popcount(workers_done_));
}

}  // namespace picket::detect
