// Times, numbers, masks, and the lines that other programs read.
#include <gtest/gtest.h>

#include "controlplane/cli/context.h"
#include "controlplane/cli/flow_lines.h"
#include "controlplane/cli/mask.h"
#include "controlplane/cli/number_text.h"
#include "controlplane/cli/time_text.h"
#include "dataplane/api/setup_error.h"

namespace picket::cli {
namespace {

const std::int64_t moment = *parse_rfc3339_us("2003-08-22T19:09:54.218437Z");

TEST(TimeText, ReadsRfc3339) {
    EXPECT_EQ(parse_rfc3339_us("1970-01-01T00:00:01Z"), 1'000'000);
    EXPECT_EQ(parse_rfc3339_us("1970-01-01T00:00:00.5Z"), 500'000);
    EXPECT_EQ(parse_rfc3339_us("1970-01-01T02:00:00+02:00"), 0);
    EXPECT_EQ(parse_rfc3339_us("2003-08-22T15:09:54.218437-04:00"), moment);
    for (const char* text : {"", "19:09:54", "2003-08-22", "2003-02-30T00:00:00Z", "2003-08-22T25:00:00Z",
                             "2003-08-22T19:09:54", "2003-08-22T19:09:54Zx", "2003-08-22T19:09:54.Z"}) {
        EXPECT_FALSE(parse_rfc3339_us(text)) << text;
    }
}

TEST(TimeText, WritesUtcAndZones) {
    const TimeText utc("UTC");
    EXPECT_EQ(utc.rfc3339(moment), "2003-08-22T19:09:54.218437Z");
    EXPECT_EQ(utc.clock(moment), "19:09:54.218437");
    EXPECT_EQ(utc.netflow(moment), "2003/08/22 19:09:54");
    const TimeText new_york("America/New_York");
    EXPECT_EQ(new_york.rfc3339(moment), "2003-08-22T15:09:54.218437-04:00");
    EXPECT_EQ(new_york.netflow(moment), "2003/08/22 15:09:54");
    const std::int64_t winter = *parse_rfc3339_us("2003-12-22T19:09:54Z");
    EXPECT_EQ(new_york.suffix(winter), "-05:00");
    const TimeText back("UTC");
    EXPECT_EQ(back.seconds(moment), "19:09:54");
}

TEST(TimeText, RefusesZonesThatAreNone) {
    for (const char* zone : {"Mars/Olympus", "../../../etc/passwd", "/etc/localtime", "America"}) {
        EXPECT_THROW(TimeText{zone}, SetupError) << zone;
    }
}

TEST(TimeText, ABareTimeIsItsLatestOccurrence) {
    const TimeText utc("UTC");
    EXPECT_EQ(utc.rfc3339(*utc.latest("19:09:54", moment)), "2003-08-22T19:09:54.000000Z");
    EXPECT_EQ(utc.rfc3339(*utc.latest("19:09:55", moment)), "2003-08-21T19:09:55.000000Z");
    EXPECT_EQ(utc.rfc3339(*utc.latest("04:12", moment)), "2003-08-22T04:12:00.000000Z");
    EXPECT_FALSE(utc.latest("-2h", moment));
    EXPECT_FALSE(utc.latest("25:00", moment));
    const TimeText new_york("America/New_York");
    EXPECT_EQ(new_york.rfc3339(*new_york.latest("15:09:54", moment)), "2003-08-22T15:09:54.000000-04:00");
    const TimeText back("UTC");
}

TEST(TimeText, ADateWithoutAZoneIsTheReadersOwn) {
    const TimeText new_york("America/New_York");
    EXPECT_EQ(new_york.rfc3339(*new_york.local("2003-08-22T15:09:54.5")), "2003-08-22T15:09:54.500000-04:00");
    EXPECT_EQ(new_york.rfc3339(*new_york.local("2003-12-22 15:09")), "2003-12-22T15:09:00.000000-05:00");
    EXPECT_EQ(new_york.rfc3339(*new_york.local("2003-08-22")), "2003-08-22T00:00:00.000000-04:00");
    for (const char* text : {"2003-08-22T15:09:54Z", "2003-08-22T15:09:54+02:00", "2003-02-30", "15:09:54",
                             "-2h", "2003-08-22T", "2003-08-22T25:00"}) {
        EXPECT_FALSE(new_york.local(text)) << text;
    }
    const TimeText back("UTC");
}

TEST(NumberText, IsWhatPeopleRead) {
    EXPECT_EQ(grouped(0), "0");
    EXPECT_EQ(grouped(999), "999");
    EXPECT_EQ(grouped(27'771'204'118'020), "27,771,204,118,020");
    EXPECT_EQ(scaled(1'940'000), "1.94 M");
    EXPECT_EQ(scaled(38'000), "38.0 k");
    EXPECT_EQ(scaled(612), "612");
    EXPECT_EQ(scaled(999'999), "1.00 M");
    EXPECT_EQ(byte_text(1536), "1.50 KiB");
    EXPECT_EQ(packet_rate(7'840'000), "7.84 Mpps");
    EXPECT_EQ(bit_rate(41.2e9), "41.2 Gbit/s");
    EXPECT_EQ(duration_text(0.3), "0.3 s");
    EXPECT_EQ(duration_text(41 * 86'400 + 5), "41 d");
    EXPECT_EQ(duration_text(3 * 3600 + 12 * 60), "3 h 12 min");
    EXPECT_EQ(protocol_number("udp"), 17u);
    EXPECT_EQ(protocol_number("IPv6-ICMP"), 58u);
    EXPECT_EQ(protocol_number("bogus"), 255u);
}

TEST(Mask, HidesAddressesWhereverTheyStand) {
    const Mask mask({"192.0.2.0/24", "2001:db8::/32"});
    EXPECT_EQ(mask.apply("192.0.2.7"), "XXX.XXX.XXX.XXX");
    EXPECT_EQ(mask.apply("192.0.2.7:27015"), "XXX.XXX.XXX.XXX:27015");
    EXPECT_EQ(mask.apply("192.0.3.7"), "192.0.3.7");
    EXPECT_EQ(mask.apply("http://192.0.2.7/x?y=10.0.0.1"), "http://XXX.XXX.XXX.XXX/x?y=10.0.0.1");
    EXPECT_EQ(mask.apply("2001:db8::1"), "XXX:XXX:XXX:XXX:XXX:XXX:XXX:XXX");
    EXPECT_EQ(mask.apply("[2001:db8::1]:80"), "[XXX:XXX:XXX:XXX:XXX:XXX:XXX:XXX]:80");
    EXPECT_EQ(mask.apply("19:09:54"), "19:09:54");
    Json answer{{"rows", {{{"src_ip", "192.0.2.7"}, {"pkts", 3}}}}};
    mask.apply(answer);
    EXPECT_EQ(answer["rows"][0]["src_ip"], "XXX.XXX.XXX.XXX");
    EXPECT_THROW(Mask({"example"}), SetupError);
}

Json row() {
    return {{"id", 7},
            {"first", "2003-08-22T19:09:54.218437Z"},
            {"last", "2003-08-22T19:09:56.218437Z"},
            {"src_ip", "67.73.21.6"},
            {"src_port", 50416},
            {"dest_ip", "192.0.2.7"},
            {"dest_port", 27015},
            {"proto", "UDP"},
            {"pkts_toserver", 1},
            {"pkts_toclient", 0},
            {"bytes_toserver", 37},
            {"bytes_toclient", 0},
            {"state", "S0"},
            {"end_reason", "idle_timeout"},
            {"rules", Json::array({1000})}};
}

TEST(FlowLines, NetflowIsTheOperatorsOwnFormat) {
    const TimeText new_york("America/New_York");
    EXPECT_EQ(netflow_lines(row(), new_york),
              (std::vector<std::string>{"2003/08/22 15:09:54 67.73.21.6.50416 -> 192.0.2.7.27015 17 1 37"}));
    const TimeText back("UTC");
    Json both = row();
    both["pkts_toclient"] = 2;
    both["bytes_toclient"] = 400;
    EXPECT_EQ(netflow_lines(both, back)[1],
              "2003/08/22 19:09:54 192.0.2.7.27015 -> 67.73.21.6.50416 17 2 400");
}

TEST(FlowLines, EveHasItsFields) {
    const Json record = eve_flow(row());
    EXPECT_EQ(record["event_type"], "flow");
    EXPECT_EQ(record["timestamp"], "2003-08-22T19:09:56.218437+0000");
    EXPECT_EQ(record["proto"], "UDP");
    EXPECT_EQ(record["flow"]["bytes_toserver"], 37);
    EXPECT_EQ(record["flow"]["age"], 2);
    EXPECT_EQ(record["flow"]["alerted"], true);
    const Json alert = eve_alert({{"time", "2003-08-22T19:09:54.000000Z"},
                                  {"sid", 5},
                                  {"msg", "m"},
                                  {"source", "10.0.0.1"},
                                  {"destination", "[2001:db8::1]:80"},
                                  {"count", 1751},
                                  {"flow_id", 7},
                                  {"uri", "/b.cgi"}});
    EXPECT_EQ(alert["src_ip"], "10.0.0.1");
    EXPECT_EQ(alert["dest_ip"], "2001:db8::1");
    EXPECT_EQ(alert["dest_port"], 80);
    EXPECT_EQ(alert["alert"]["signature_id"], 5);
    EXPECT_EQ(alert["alert"]["hits"], 1751);
    EXPECT_EQ(alert["flow_id"], 7);
    EXPECT_EQ(alert["http"]["url"], "/b.cgi");
}

TEST(Csv, QuotesWhatNeedsIt) {
    EXPECT_EQ(csv_line({"a", "b,c", "d\"e", ""}), "a,\"b,c\",\"d\"\"e\",");
}

}  // namespace
}  // namespace picket::cli
