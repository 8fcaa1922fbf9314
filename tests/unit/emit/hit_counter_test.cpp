// Hits under pressure: every one is written, counted or named as dropped.
#include "dataplane/emit/hit_counter.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "dataplane/emit/emitter.h"

namespace picket::emit {
namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;
constexpr std::size_t capacity = 4 * api::event_size_max;

api::HitEvent hit_of(std::uint32_t rule, std::uint8_t host) {
    api::HitEvent hit;
    hit.generation = 3;
    hit.rule = rule;
    hit.ends.client = api::ipv4_mapped(std::array<std::uint8_t, 4>{10, 0, 0, host}.data());
    hit.ends.server = api::ipv4_mapped(std::array<std::uint8_t, 4>{192, 0, 2, 1}.data());
    hit.ends.server_port = 80;
    hit.ends.protocol = 6;
    return hit;
}

// An emitter over plain memory, and what a reader of its ring adds up.
struct Rig {
    std::vector<std::uint64_t> memory = std::vector<std::uint64_t>(capacity / 8);
    api::RingPosition written;
    api::RingPosition read;
    Emitter emitter{{reinterpret_cast<std::byte*>(memory.data()), capacity, written, read}, {}};
    api::EventRingReader reader{reinterpret_cast<std::byte*>(memory.data()), capacity, written, read};
    std::uint64_t single = 0;   // rule_hit and watch_hit events
    std::uint64_t counted = 0;  // by hit_count events
    std::vector<api::HitCountEvent> counts;

    void drain() {
        emitter.publish();
        while (const auto* header = reader.next()) {
            single += header->kind == api::EventKind::rule_hit || header->kind == api::EventKind::watch_hit;
            if (header->kind != api::EventKind::hit_count) continue;
            counts.push_back(*reinterpret_cast<const api::HitCountEvent*>(header));
            counted += counts.back().count;
        }
        reader.release();
    }
    void press() {
        const api::FlowRecord record;
        while (!emitter.pressed()) emitter.flow(record, api::EventKind::flow, 0);
    }
    void fill() {
        const api::FlowRecord record;
        const auto dropped = [this] {
            return counters().events_dropped[static_cast<std::size_t>(api::EventKind::flow)];
        };
        while (dropped() == 0) emitter.flow(record, api::EventKind::flow, 0);
    }
    [[nodiscard]] api::WorkerCounters counters() const {
        api::WorkerCounters all;
        emitter.count_into(all);
        return all;
    }
    [[nodiscard]] std::uint64_t dropped(api::EventKind kind) const {
        return counters().events_dropped[static_cast<std::size_t>(kind)];
    }
};

TEST(HitCounter, WithoutPressureEveryHitIsAnEvent) {
    Rig rig;
    for (int i = 0; i < 100; ++i) rig.emitter.rule_hit(hit_of(1, 1), second_ns, {});
    rig.drain();
    EXPECT_EQ(rig.single, 100u);
    EXPECT_EQ(rig.counters().hits_folded, 0u);
}

TEST(HitCounter, UnderPressureTheFirstOfASecondIsWrittenAndTheRestCounted) {
    Rig rig;
    rig.press();
    for (std::uint64_t i = 0; i < 1000; ++i) {
        auto hit = hit_of(7, 1);
        hit.ends.flow_lost = i % 2;
        rig.emitter.rule_hit(hit, second_ns + i, {});
    }
    rig.emitter.tell_hit_counts(second_ns + 1000);
    rig.drain();
    EXPECT_EQ(rig.single, 1u);
    EXPECT_EQ(rig.counted, 0u) << "the second is not over";
    for (std::size_t i = 0; i < HitCounter::slot_count; ++i) rig.emitter.tell_hit_counts(2 * second_ns);
    rig.drain();
    ASSERT_EQ(rig.counts.size(), 1u);
    EXPECT_EQ(rig.counts[0].count, 999u);
    EXPECT_EQ(rig.counts[0].lost, 500u);
    EXPECT_EQ(rig.counts[0].rule, 7u);
    EXPECT_EQ(rig.counts[0].generation, 3u);
    EXPECT_EQ(rig.counts[0].first_ns, second_ns + 1);
    EXPECT_EQ(rig.counts[0].last_ns, second_ns + 999);
    EXPECT_EQ(rig.counters().hits_folded, 999u);
}

TEST(HitCounter, ALastingStormIsWrittenOnceASecond) {
    Rig rig;
    rig.press();
    for (std::uint64_t i = 0; i < 5000; ++i) {
        rig.emitter.rule_hit(hit_of(7, 1), second_ns + i * 1'000'000, {});
    }
    rig.emitter.finish_hit_counts(10 * second_ns);
    rig.drain();
    EXPECT_EQ(rig.single, 5u);
    EXPECT_EQ(rig.counted, 4995u);
}

TEST(HitCounter, AFullRingCountsInsteadOfDropping) {
    Rig rig;
    rig.fill();
    api::WatchEvent watched;
    watched.server_lists = 2;
    for (std::uint64_t i = 0; i < 50; ++i) {
        rig.emitter.rule_hit(hit_of(7, 1), second_ns + i, {});
        rig.emitter.watch_hit(watched, second_ns + i);
    }
    EXPECT_EQ(rig.dropped(api::EventKind::rule_hit) + rig.dropped(api::EventKind::watch_hit), 0u);
    EXPECT_GE(rig.counters().hits_folded, 95u);  // a few fit where no record did
    rig.emitter.tell_hit_counts(9 * second_ns);  // no room: they wait
    rig.drain();
    rig.emitter.finish_hit_counts(9 * second_ns);
    rig.drain();
    EXPECT_EQ(rig.single + rig.counted, 100u);
    ASSERT_EQ(rig.counts.size(), 2u);
    EXPECT_NE(rig.counts[0].rule == api::hit_count_watch, rig.counts[1].rule == api::hit_count_watch);
}

// More keys than slots, a reader that comes and goes: nothing is counted twice or not at all.
TEST(HitCounter, WrittenCountedAndDroppedAddUp) {
    Rig rig;
    std::uint64_t hits = 0;
    std::uint64_t time_ns = second_ns;
    for (int round = 0; round < 60; ++round) {
        for (std::uint32_t i = 0; i < 2000; ++i) {
            time_ns += 200'000;
            rig.emitter.rule_hit(hit_of(i * 7 % 31, static_cast<std::uint8_t>(i % 251)), time_ns, {});
            ++hits;
            if (i % 64 == 0) rig.emitter.tell_hit_counts(time_ns);
        }
        if (round % 3 == 2) rig.drain();
    }
    rig.drain();
    rig.emitter.finish_hit_counts(time_ns);
    rig.drain();
    EXPECT_EQ(rig.single + rig.counted + rig.dropped(api::EventKind::rule_hit), hits);
    EXPECT_EQ(rig.counters().hits_folded, rig.counted);
    EXPECT_GT(rig.counted, 0u);
}

}  // namespace
}  // namespace picket::emit
