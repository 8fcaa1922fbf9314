// Times of folding: when they begin and end, how much, and who stood out.
#include "controlplane/detect/fold_log.h"

#include <gtest/gtest.h>

#include "controlplane/store/address_text.h"

namespace picket::detect {
namespace {

constexpr std::uint64_t second = 1'000'000'000;

CounterSnapshot counters(std::uint64_t time_s, std::uint64_t packets, std::uint64_t records = 0) {
    CounterSnapshot snapshot;
    snapshot.taken_ns = time_s * second;
    snapshot.workers.resize(2);
    snapshot.ports.resize(1);
    auto& worker = snapshot.workers[0].counters;
    worker.flows_active = 900;
    worker.flow_capacity = 1000;
    worker.folded_packets = packets;
    worker.folded_bytes = packets * 40;
    snapshot.workers[1].counters.folded_records = records;
    return snapshot;
}

api::FoldEvent event(const char* address, std::uint16_t port, std::uint8_t prefix_bits,
                     std::uint64_t packets) {
    api::FoldEvent event;
    event.count = 1;
    event.entries[0].address = *store::parse_address(address);
    event.entries[0].port = port;
    event.entries[0].protocol = prefix_bits == 0 ? 6 : 0;
    event.entries[0].prefix_bits = prefix_bits;
    event.entries[0].packets = packets;
    return event;
}

std::string texts(const EventLog& events) {
    std::string all;
    for (const auto& line : events.all()) all += line.kind + ": " + line.text + "\n";
    return all;
}

TEST(FoldLog, NothingFoldedIsNoEvent) {
    EventLog events;
    FoldLog log(events);
    log.connected(false);
    for (std::uint64_t s = 1; s < 30; ++s) log.sample(counters(s, 0));
    EXPECT_EQ(texts(events), "");
    EXPECT_FALSE(log.latest(3));
}

TEST(FoldLog, BeginsAndEndsWithAmountsAndParties) {
    EventLog events;
    FoldLog log(events);
    log.connected(false);
    log.sample(counters(100, 0));
    log.sample(counters(101, 600));
    EXPECT_NE(texts(events).find("folding began: the flow tables hold 900 of 1000 flows"), std::string::npos)
        << texts(events);
    log.add(event("192.0.2.1", 80, 0, 700));
    log.add(event("192.0.2.1", 80, 0, 200));
    log.add(event("198.51.100.0", 0, 120, 250));
    log.sample(counters(102, 1000));
    const auto lasting = log.latest(3);
    ASSERT_TRUE(lasting);
    EXPECT_TRUE(lasting->lasts);
    EXPECT_EQ(lasting->counts.packets, 1000u);
    ASSERT_EQ(lasting->victims.size(), 1u);
    EXPECT_EQ(lasting->victims[0].packets, 900u);
    EXPECT_EQ(party_text(lasting->victims[0]), "192.0.2.1:80 TCP");
    EXPECT_EQ(party_text(lasting->networks[0]), "198.51.100.0/24");
    for (std::uint64_t s = 103; s < 115; ++s) log.sample(counters(s, 1000));
    EXPECT_NE(texts(events).find("folding ended after 2 s: 1000 packets (40000 bytes) in no flow; to "
                                 "192.0.2.1:80 TCP 90.0 %; from 198.51.100.0/24 25.0 %"),
              std::string::npos)
        << texts(events);
    EXPECT_FALSE(log.latest(3)->lasts);
    // The next time counts anew.
    log.sample(counters(120, 1007));
    EXPECT_EQ(log.latest(3)->counts.packets, 7u);
    EXPECT_TRUE(log.latest(3)->victims.empty());
}

TEST(FoldLog, ALongTimeIsTold) {
    EventLog events;
    FoldLog log(events);
    log.connected(false);
    for (std::uint64_t s = 1; s <= 100; ++s) log.sample(counters(s, s * 10));
    std::size_t told = 0;
    for (const auto& line : events.all()) told += line.text.starts_with("folding lasts") ? 1 : 0;
    EXPECT_EQ(told, 4u) << "after 5, 10, 20, 40 seconds: " << texts(events);
}

TEST(FoldLog, RecordsAloneHaveTheirOwnReason) {
    EventLog events;
    FoldLog log(events);
    log.connected(false);
    log.sample(counters(1, 0));
    log.sample(counters(2, 0, 50));
    EXPECT_NE(texts(events).find("the event rings are nearly full"), std::string::npos);
    EXPECT_EQ(log.latest(1)->counts.records, 50u);
}

TEST(FoldLog, ANewPicketdSaysThatSomeCameBefore) {
    EventLog events;
    FoldLog log(events);
    log.connected(false);
    log.sample(counters(1, 500));
    EXPECT_NE(texts(events).find("before this picketd came"), std::string::npos);
    EXPECT_EQ(log.latest(1)->counts.packets, 500u);
}

TEST(FoldLog, ReconnectsKeepAndRestartsReset) {
    EventLog events;
    FoldLog log(events);
    log.connected(false);
    log.sample(counters(1, 0));
    log.sample(counters(2, 100));
    log.connected(true);
    log.sample(counters(5, 150));
    EXPECT_EQ(log.latest(1)->counts.packets, 150u);
    log.connected(false);
    EXPECT_FALSE(log.latest(1)->lasts) << "another data plane does not go on with it";
    log.sample(counters(7, 3));
    EXPECT_EQ(log.latest(1)->counts.packets, 3u);
}

TEST(FoldLog, PartiesAreBoundedAndTheGreatestStay) {
    EventLog events;
    FoldLog log(events);
    log.connected(false);
    log.sample(counters(1, 0));
    log.sample(counters(2, 10'000'000));
    log.add(event("192.0.2.1", 80, 0, 5'000'000));
    for (std::uint32_t i = 0; i < 3 * fold_parties_max; ++i) {
        log.add(event("203.0.113.9", static_cast<std::uint16_t>(i), 0, 10 + i % 7));
        log.add(event(("10." + std::to_string(i >> 8 & 255) + "." + std::to_string(i & 255) + ".0").c_str(),
                      0, 120, 9));
    }
    const auto latest = log.latest(2 * fold_parties_max);
    EXPECT_LE(latest->victims.size() + latest->networks.size(), fold_parties_max);
    EXPECT_EQ(latest->victims[0].packets, 5'000'000u);
}

}  // namespace
}  // namespace picket::detect
