// Times, durations, addresses and protocols as users write them.
#include <gtest/gtest.h>

#include "controlplane/store/address_text.h"
#include "controlplane/store/network_set.h"
#include "controlplane/store/protocol_text.h"
#include "controlplane/store/time_text.h"
#include "controlplane/store/uri_pattern.h"

namespace picket::store {
namespace {

constexpr std::uint64_t second = 1'000'000'000;
constexpr std::uint64_t now = 1'061'593'449 * second;  // 2003-08-22T23:04:09Z

TEST(TimeText, Rfc3339RoundTrip) {
    const auto time = parse_time("2003-08-22T19:09:54.000123Z", now);
    ASSERT_TRUE(time);
    EXPECT_EQ(format_time(*time), "2003-08-22T19:09:54.000123Z");
    EXPECT_EQ(parse_time("2003-08-22T15:09:54.000123-04:00", now), time);
    EXPECT_EQ(parse_time("2003-08-22 19:09:54.000123", now), time);
    EXPECT_EQ(format_time(*parse_time("2003-08-22", now)), "2003-08-22T00:00:00.000000Z");
}

TEST(TimeText, BareTimeIsItsLatestOccurrence) {
    EXPECT_EQ(format_time(*parse_time("15:09:54", now)), "2003-08-22T15:09:54.000000Z");
    EXPECT_EQ(format_time(*parse_time("23:30:00", now)), "2003-08-21T23:30:00.000000Z");
    EXPECT_EQ(format_time(*parse_time("04:30", now)), "2003-08-22T04:30:00.000000Z");
}

TEST(TimeText, RelativeCountsFromNow) {
    EXPECT_EQ(*parse_time("-2h", now), now - 7200 * second);
    EXPECT_EQ(*parse_time("-90s", now), now - 90 * second);
    EXPECT_EQ(*parse_time("now", now), now);
}

TEST(TimeText, NonsenseIsRefused) {
    for (const char* text :
         {"", "-", "yesterday", "2003-13-01", "2003-02-30", "25:00:00", "12:60", "2003-08-22T",
          "2003-08-22T19:09:54X", "-2x", "1:2:3", "99999999999", "-1e400h"}) {
        EXPECT_FALSE(parse_time(text, now)) << text;
    }
    for (const char* text : {"", "0", "-5m", "m", "10y", "1e300d", "nan"})
        EXPECT_FALSE(parse_duration(text)) << text;
    EXPECT_EQ(parse_duration("10m"), 600 * second);
}

TEST(AddressText, NetworksLoseTheirHostBits) {
    EXPECT_EQ(format_network(*parse_network("10.1.2.3/8")), "10.0.0.0/8");
    EXPECT_EQ(format_network(*parse_network("192.0.2.7")), "192.0.2.7");
    EXPECT_EQ(format_network(*parse_network("2001:db8::1/32")), "2001:db8::/32");
    EXPECT_EQ(format_network(*parse_network("0.0.0.0/0")), "0.0.0.0/0");
    for (const char* text :
         {"", "10.0.0.0/33", "2001:db8::/129", "10.0.0/8", "10.0.0.1/", "host", "10.0.0.1/-1"}) {
        EXPECT_FALSE(parse_network(text)) << text;
    }
}

TEST(AddressText, LinesWithCommentsAndRejects) {
    std::vector<NetworkLine> rejects;
    const auto networks = parse_network_lines("# head\n 10.0.0.1 # one\r\n\nbogus\n10.0.0.0/24\n", rejects);
    ASSERT_EQ(networks.size(), 2U);
    ASSERT_EQ(rejects.size(), 1U);
    EXPECT_EQ(rejects[0].line, 4U);
    EXPECT_EQ(rejects[0].text, "bogus");
}

TEST(NetworkSet, FindsEveryEntryThatContains) {
    const NetworkSet set({*parse_network("10.0.0.0/8"), *parse_network("10.1.1.1"),
                          *parse_network("10.1.1.1"), *parse_network("2001:db8::/32")});
    EXPECT_EQ(set.entries().size(), 3U);
    int matches = 0;
    set.for_each_match(*parse_address("10.1.1.1"), [&](std::uint32_t) { ++matches; });
    EXPECT_EQ(matches, 2);
    EXPECT_TRUE(set.contains(*parse_address("2001:db8:1::5")));
    EXPECT_FALSE(set.contains(*parse_address("11.0.0.1")));
}

TEST(ProtocolText, NamesAndNumbers) {
    EXPECT_EQ(parse_protocol("tcp"), 6);
    EXPECT_EQ(parse_protocol("ICMPv6"), 58);
    EXPECT_EQ(parse_protocol("132"), 132);
    EXPECT_FALSE(parse_protocol("256"));
    EXPECT_FALSE(parse_protocol("tcpx"));
    EXPECT_EQ(protocol_name(17), "UDP");
    EXPECT_EQ(protocol_name(200), "200");
}

TEST(UriPattern, FindsAnywhereAndIsBounded) {
    std::string error;
    const auto pattern = UriPattern::compile(R"(/b\.cgi(\?|$))", error);
    ASSERT_TRUE(pattern) << error;
    EXPECT_TRUE(pattern->matches("/x/b.cgi?alt"));
    EXPECT_FALSE(pattern->matches("/bxcgi"));
    EXPECT_FALSE(UriPattern::compile("(", error));
    EXPECT_NE(error.find("position"), std::string::npos);
    const auto evil = UriPattern::compile("(a+)+$", error);
    EXPECT_FALSE(evil->matches(std::string(4000, 'a') + "b"));
}

}  // namespace
}  // namespace picket::store
