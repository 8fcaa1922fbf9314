// One alert for many hits, and the feed of what is new or climbs.
#include "controlplane/detect/alert_table.h"

#include <gtest/gtest.h>

#include <thread>

#include "controlplane/store/address_text.h"

namespace picket::detect {
namespace {

constexpr std::uint64_t hour_ns = 3'600'000'000'000;

Hit hit(std::uint32_t sid, const char* source, const char* destination, std::uint16_t port = 80,
        std::uint64_t time_ns = 1) {
    Hit result;
    result.sid = sid;
    result.time_ns = time_ns;
    result.source = *store::parse_address(source);
    result.destination = *store::parse_address(destination);
    result.destination_port = port;
    result.protocol = 17;
    return result;
}

TEST(AlertTable, OneAlertPerRuleDestinationPortAndHour) {
    AlertTable table(100);
    for (int i = 0; i < 1751; ++i) table.add(hit(1, i % 2 ? "10.0.0.1" : "10.0.0.2", "192.0.2.7", 27015));
    ASSERT_EQ(table.all().size(), 1U);
    EXPECT_EQ(table.all()[0].count, 1751U);
    EXPECT_EQ(table.all()[0].sources.size(), 2U);
    table.add(hit(2, "10.0.0.1", "192.0.2.7", 27015));
    table.add(hit(1, "10.0.0.1", "192.0.2.8", 27015));
    table.add(hit(1, "10.0.0.1", "192.0.2.7", 27016));
    table.add(hit(1, "10.0.0.1", "192.0.2.7", 27015, hour_ns + 1));
    EXPECT_EQ(table.alerts_total(), 5U);
    EXPECT_EQ(table.hits_total(), 1755U);
    EXPECT_EQ(*table.hits_by_rule().find(std::uint64_t{1} << 32 | 1), 1754U);
}

TEST(AlertTable, WatchListsAreToldApartAndAreNoRules) {
    AlertTable table(100);
    Hit first = hit(0, "10.0.0.1", "192.0.2.7");
    first.list = "sobig";
    Hit second = first;
    second.list = "other";
    table.add(first);
    table.add(second);
    table.add(first);
    EXPECT_EQ(table.alerts_total(), 2U);
    EXPECT_TRUE(table.hits_by_rule().empty());
}

TEST(AlertTable, FirstAndLastWhateverTheOrder) {
    AlertTable table(100);
    table.add(hit(1, "10.0.0.1", "192.0.2.7", 80, 50));
    table.add(hit(1, "10.0.0.1", "192.0.2.7", 80, 20));
    table.add(hit(1, "10.0.0.1", "192.0.2.7", 80, 90));
    EXPECT_EQ(table.all()[0].first_ns, 20U);
    EXPECT_EQ(table.all()[0].last_ns, 90U);
}

TEST(AlertTable, NewAlertsAreInTheFeedAtOnceClimbingOnesOnceASecond) {
    AlertTable table(100);
    table.add(hit(1, "10.0.0.1", "192.0.2.7"));
    auto feed = table.tail(0, std::chrono::milliseconds(0));
    ASSERT_EQ(feed.alerts.size(), 1U);
    for (int i = 0; i < 100; ++i) table.add(hit(1, "10.0.0.1", "192.0.2.7"));
    table.publish_climbing();
    EXPECT_TRUE(table.tail(feed.next, std::chrono::milliseconds(0)).alerts.empty())
        << "not within the same second";
    std::this_thread::sleep_for(std::chrono::milliseconds(1050));
    table.publish_climbing();
    feed = table.tail(feed.next, std::chrono::milliseconds(0));
    ASSERT_EQ(feed.alerts.size(), 1U);
    EXPECT_EQ(feed.alerts[0].count, 101U);
    table.publish_climbing();
    EXPECT_TRUE(table.tail(feed.next, std::chrono::milliseconds(0)).alerts.empty())
        << "it does not climb any more";
}

TEST(AlertTable, TailWaitsAndIsWoken) {
    AlertTable table(100);
    std::thread adder([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        table.add(hit(1, "10.0.0.1", "192.0.2.7"));
    });
    EXPECT_EQ(table.tail(0, std::chrono::seconds(5)).alerts.size(), 1U);
    adder.join();
    table.wake_all();
    const auto begin = std::chrono::steady_clock::now();
    (void)table.tail(table.feed_position(), std::chrono::seconds(5));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
}

TEST(AlertTable, TheOldestAreThrownAway) {
    AlertTable table(10);
    for (std::uint16_t port = 1; port <= 30; ++port) table.add(hit(1, "10.0.0.1", "192.0.2.7", port));
    EXPECT_EQ(table.all().size(), 10U);
    EXPECT_EQ(table.all().front().hit.destination_port, 21);
    EXPECT_EQ(table.alerts_total(), 30U);
    EXPECT_EQ(table.horizon_ns(), 1U) << "the time of those that are gone";
    table.add(hit(1, "10.0.0.1", "192.0.2.7", 1));
    EXPECT_EQ(table.all().back().count, 1U) << "a forgotten alert begins anew";
    EXPECT_EQ(table.tail(0, std::chrono::milliseconds(0)).alerts.size(), 10U);
}

}  // namespace
}  // namespace picket::detect
