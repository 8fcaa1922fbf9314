#include "controlplane/detect/fold_log.h"

#include <algorithm>

#include "controlplane/store/address_text.h"
#include "controlplane/store/protocol_text.h"

namespace picket::detect {

namespace {

constexpr std::size_t parties_told = 3;
constexpr std::uint64_t second_ns = 1'000'000'000;
constexpr std::uint64_t first_told_after_ns = 5 * second_ns;

using Counters = api::WorkerCounters;

FoldCounts counts_of(const CounterSnapshot& counters) {
    return {counters.sum(&Counters::folded_packets), counters.sum(&Counters::folded_bytes),
            counters.sum(&Counters::folded_records), counters.sum(&Counters::folded_record_bytes),
            counters.sum(&Counters::hits_folded)};
}

FoldCounts difference(const FoldCounts& now, const FoldCounts& before) {
    return {now.packets - std::min(now.packets, before.packets),
            now.bytes - std::min(now.bytes, before.bytes),
            now.records - std::min(now.records, before.records),
            now.record_bytes - std::min(now.record_bytes, before.record_bytes),
            now.hits - std::min(now.hits, before.hits)};
}

void add_counts(FoldCounts& to, const FoldCounts& more) {
    to.packets += more.packets;
    to.bytes += more.bytes;
    to.records += more.records;
    to.record_bytes += more.record_bytes;
    to.hits += more.hits;
}

std::string percent(std::uint64_t part, std::uint64_t all) {
    if (all == 0) return "0 %";
    const std::uint64_t tenths = part >= all ? 1000 : part * 1000 / all;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " %";
}

}  // namespace

std::string party_text(const FoldParty& party) {
    if (party.prefix_bits != 0) return store::format_network({party.address, party.prefix_bits});
    const std::string address = store::format_address(party.address);
    const std::string name = store::protocol_name(party.protocol);
    if (!store::has_ports(party.protocol)) return address + " " + name;
    const bool brackets = address.find(':') != std::string::npos;
    return (brackets ? "[" + address + "]" : address) + ":" + std::to_string(party.port) + " " + name;
}

void FoldLog::connected(bool same_run) {
    const std::lock_guard lock(mutex_);
    if (same_run) return;
    if (time_.lasts) end();
    before_ = {};
    sampled_ = false;
}

void FoldLog::sample(const CounterSnapshot& counters) {
    const FoldCounts now = counts_of(counters);
    const std::lock_guard lock(mutex_);
    const FoldCounts more = difference(now, before_);
    before_ = now;
    const bool met_late = !sampled_ && more.count() > 0;
    sampled_ = true;
    if (more.count() > 0) {
        if (!time_.lasts) begin(counters, more);
        if (met_late) {
            events_.add("fold", "some of it was folded before this picketd came, at an unknown time");
        }
        add_counts(time_.counts, more);
        time_.last_ns = counters.taken_ns;
    }
    if (!time_.lasts) return;
    if (counters.taken_ns > time_.last_ns + quiet_ns) {
        end();
    } else if (counters.taken_ns > told_ns_ + tell_after_ns_) {
        events_.add("fold", "folding lasts: " + amount() + standing_out());
        told_ns_ = counters.taken_ns;
        tell_after_ns_ *= 2;
    }
}

void FoldLog::begin(const CounterSnapshot& counters, const FoldCounts& more) {
    time_ = {};
    time_.begin_ns = counters.taken_ns;
    time_.lasts = true;
    parties_ = {};
    told_ns_ = counters.taken_ns;
    tell_after_ns_ = first_told_after_ns;
    const std::string why =
        more.packets > 0
            ? "the flow tables hold " + std::to_string(counters.sum(&Counters::flows_active)) + " of " +
                  std::to_string(counters.sum(&Counters::flow_capacity)) +
                  " flows, so new flows of one packet are counted by source network and victim only"
            : std::string(
                  "the event rings are nearly full, so records of flows of one packet are counted by "
                  "source network and victim only");
    events_.add("fold", "folding began: " + why);
}

void FoldLog::end() {
    time_.lasts = false;
    const std::uint64_t seconds = (time_.last_ns - time_.begin_ns) / second_ns + 1;
    events_.add("fold",
                "folding ended after " + std::to_string(seconds) + " s: " + amount() + standing_out());
}

std::string FoldLog::amount() const {
    const FoldCounts& counts = time_.counts;
    std::string text =
        std::to_string(counts.packets) + " packets (" + std::to_string(counts.bytes) + " bytes) in no flow";
    if (counts.records > 0) {
        text += ", " + std::to_string(counts.records) + " flows of one packet without a record";
    }
    return text;
}

std::string FoldLog::standing_out() const {
    std::string text;
    const auto list = [&](const char* heading, const std::vector<FoldParty>& parties) {
        for (const auto& party : parties) {
            text += (&party == parties.data() ? heading : ", ") + party_text(party) + " " +
                    percent(party.count(), time_.counts.count());
        }
    };
    list("; to ", greatest(true, parties_told));
    list("; from ", greatest(false, parties_told));
    return text;
}

void FoldLog::add(const api::FoldEvent& event) {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < event.count && i < event.entries.size(); ++i) {
        const api::FoldEntry& entry = event.entries[i];
        const Key key{entry.address, std::uint64_t{entry.port} << 16 | std::uint64_t{entry.protocol} << 8 |
                                         entry.prefix_bits};
        if (parties_.find(key) == nullptr && parties_.size() >= fold_parties_max) forget_lesser_parties();
        FoldParty& party = parties_[key];
        party.address = entry.address;
        party.port = entry.port;
        party.protocol = entry.protocol;
        party.prefix_bits = entry.prefix_bits;
        party.packets += entry.packets;
        party.bytes += entry.bytes + entry.record_bytes;
        party.records += entry.records;
    }
}

void FoldLog::forget_lesser_parties() {
    std::vector<std::pair<Key, FoldParty>> parties;
    parties_.for_each([&](const Key& key, const FoldParty& party) { parties.emplace_back(key, party); });
    const auto middle = parties.begin() + static_cast<std::ptrdiff_t>(parties.size() / 2);
    std::nth_element(parties.begin(), middle, parties.end(),
                     [](const auto& a, const auto& b) { return a.second.count() > b.second.count(); });
    parties_.clear();
    std::for_each(parties.begin(), middle, [&](const auto& kept) { parties_[kept.first] = kept.second; });
}

std::vector<FoldParty> FoldLog::greatest(bool victims, std::size_t count) const {
    std::vector<FoldParty> parties;
    parties_.for_each([&](const Key&, const FoldParty& party) {
        if ((party.prefix_bits == 0) == victims) parties.push_back(party);
    });
    const std::size_t kept = std::min(count, parties.size());
    std::partial_sort(parties.begin(), parties.begin() + static_cast<std::ptrdiff_t>(kept), parties.end(),
                      [](const FoldParty& a, const FoldParty& b) {
                          return a.count() != b.count() ? a.count() > b.count() : a.address < b.address;
                      });
    parties.resize(kept);
    return parties;
}

std::optional<FoldTime> FoldLog::latest(std::size_t parties) const {
    const std::lock_guard lock(mutex_);
    if (time_.begin_ns == 0) return std::nullopt;
    FoldTime time = time_;
    time.networks = greatest(false, parties);
    time.victims = greatest(true, parties);
    return time;
}

}  // namespace picket::detect
