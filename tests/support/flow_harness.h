// A FlowTracker with its records collected, and a terse way to feed it packets.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "dataplane/flow/flow_tracker.h"
#include "dataplane/parse/parse_frame.h"
#include "tests/support/packet_builder.h"

namespace picket::testing {

inline constexpr std::uint64_t second_ns = 1'000'000'000;
inline const flow::KeyedHash test_hash{
    {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb, 0x2545f4914f6cdd1d}};

class RecordCollector final : public flow::RecordSink {
  public:
    void flow_record(const api::FlowRecord& record) noexcept override { records.push_back(record); }
    void flow_attempt(const api::FlowRecord& record) noexcept override { attempts.push_back(record); }
    void flow_ending(flow::HotFlow& /*hot*/, flow::ColdFlow& /*cold*/) noexcept override { ++endings; }
    std::vector<api::FlowRecord> records;
    std::vector<api::FlowRecord> attempts;
    int endings = 0;
};

class FlowHarness {
  public:
    explicit FlowHarness(flow::FlowSettings settings = replay_settings())
        : tracker(settings, test_hash, collector) {}

    static flow::FlowSettings replay_settings() {
        flow::FlowSettings settings;
        settings.capacity = 64;
        settings.fixed = false;
        settings.id_from_sequence = true;
        return settings;
    }

    // One packet at a time; returns what became of it.
    flow::Tracked feed(const PacketBuilder& builder, std::uint64_t time_ns) {
        const OwnedFrame owned(builder.bytes(), time_ns);
        parse::Packet packet;
        if (parse::parse_frame(owned.frame, {}, test_hash, packet)) return {};
        packet.hash = test_hash(packet.key);
        packet.sequence = sequence_++;
        flow::Tracked result;
        (void)tracker.track({&packet, 1}, {&result, 1});
        return result;
    }

    const std::vector<api::FlowRecord>& finish(std::uint64_t last_ns, bool forced = false) {
        tracker.end_all(last_ns, forced);
        return collector.records;
    }

    RecordCollector collector;
    flow::FlowTracker tracker;

  private:
    std::uint64_t sequence_ = 0;
};

}  // namespace picket::testing
