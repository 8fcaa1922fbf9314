// Flow logs of comma-separated values, whoever named their columns.
#include "controlplane/import/csv_log.h"

#include <gtest/gtest.h>

#include "controlplane/store/address_text.h"
#include "controlplane/store/outcome.h"
#include "controlplane/store/time_text.h"

namespace picket::importer {
namespace {

const ParseTime utc = [](std::string_view text) { return store::parse_time(text, 0); };

TEST(CsvLog, SplitsAsRfc4180Says) {
    EXPECT_EQ(split_csv(R"(a,"b,""c""", d ,,)"), (std::vector<std::string>{"a", R"(b,"c")", "d", "", ""}));
    EXPECT_EQ(split_csv(""), std::vector<std::string>{""});
    EXPECT_EQ(split_csv("\"never closed,x"), std::vector<std::string>{"never closed,x"});
}

TEST(CsvLog, PicketsOwnColumns) {
    const CsvLog log(
        "id,first,last,src_ip,src_port,dest_ip,dest_port,proto,pkts_toserver,pkts_toclient,bytes_toserver,"
        "bytes_toclient,flags_ts,flags_tc,vlan");
    ASSERT_EQ(log.problem(), "");
    const auto read = log.parse(
        "7,2003-08-22T19:09:54.218437Z,2003-08-22T19:09:55.5Z,10.0.0.1,1024,192.0.2.7,80,TCP,5,4,500,4096,1b,"
        "1a,12",
        utc);
    ASSERT_TRUE(read.flow) << read.why;
    EXPECT_EQ(read.flow->start_ns % 1'000'000'000, 218'437'000u);
    EXPECT_EQ(read.flow->last_ns % 1'000'000'000, 500'000'000u);
    EXPECT_EQ(read.flow->directions[1].packets, 4u);
    EXPECT_EQ(read.flow->directions[1].bytes, 4096u);
    EXPECT_EQ(read.flow->directions[0].tcp_flags_union, 0x1b);
    EXPECT_EQ(read.flow->directions[1].tcp_flags_union, 0x1a);
    EXPECT_EQ(read.flow->vlan, 12);
}

TEST(CsvLog, ColumnsOfOthers) {
    const CsvLog nfdump("ts,te,td,sa,da,sp,dp,pr,flg,ipkt,ibyt,opkt,obyt");
    ASSERT_EQ(nfdump.problem(), "");
    const auto read = nfdump.parse(
        "2003-08-22 18:05:00.500,2003-08-22 18:05:00.545,0.045, 198.18.0.25, 10.20.1.25, "
        "25,50257,TCP,...AP.SF,5,241,0,0",
        utc);
    ASSERT_TRUE(read.flow) << read.why;
    EXPECT_EQ(read.flow->directions[0].tcp_flags_union, 0x1b);
    EXPECT_EQ(read.flow->directions[0].bytes, 241u);
    const auto icmp =
        nfdump.parse("2003-08-22 18:05:00,2003-08-22 18:05:00,0,1.2.3.4,5.6.7.8,0,3.1,ICMP,,1,56,0,0", utc);
    ASSERT_TRUE(icmp.flow) << icmp.why;
    EXPECT_EQ(icmp.flow->destination_port, 0);
    const CsvLog operators("Date,Time,SrcIP,SrcPort,DstIP,DstPort,Protocol,Packets,Bytes");
    ASSERT_EQ(operators.problem(), "");
    const auto line =
        operators.parse("2003/08/22,15:09:54,67.73.21.6,50416,XXX.XXX.XXX.XXX,27015,17,1,37", utc);
    ASSERT_TRUE(line.flow) << line.why;
    EXPECT_TRUE(line.masked);
    EXPECT_EQ(store::format_time(line.flow->start_ns), "2003-08-22T15:09:54.000000Z");
}

TEST(CsvLog, NfdumpsNamesOfProtocols) {
    const CsvLog log("ts,sa,da,pr,ipkt,ibyt");
    const auto protocol = [&](const std::string& name) -> int {
        const auto read = log.parse("2003-08-22 18:05:00,1.2.3.4,5.6.7.8," + name + ",1,56", utc);
        return read.flow ? read.flow->protocol : -1;
    };
    EXPECT_EQ(protocol("Frag6"), 44);
    EXPECT_EQ(protocol("OPTS6"), 60);
    EXPECT_EQ(protocol("IPIP"), 4);
    EXPECT_EQ(protocol("PIM"), 103);
    EXPECT_EQ(protocol("MPLS"), 137);
    EXPECT_EQ(protocol("OSPF"), 89);
    EXPECT_EQ(protocol("ICMP6"), 58);
    EXPECT_EQ(protocol("99"), 99);
    EXPECT_EQ(protocol("IDPR"), -1) << "35 or 38";
    EXPECT_EQ(protocol(""), -1);
}

TEST(CsvLog, BothDirectionsAreAnAnswer) {
    const CsvLog log(
        "first,src_ip,src_port,dest_ip,dest_port,proto,pkts_toserver,bytes_toserver,pkts_toclient,"
        "bytes_toclient");
    const auto udp = log.parse("2003-08-22T19:09:54Z,10.0.0.1,1,192.0.2.7,53,UDP,1,60,1,90", utc);
    EXPECT_EQ(store::outcome_of(udp.flow.value()), store::FlowOutcome::answered);
    const auto tcp = log.parse("2003-08-22T19:09:54Z,10.0.0.1,1,192.0.2.7,53,TCP,1,60,1,90", utc);
    EXPECT_EQ(store::outcome_of(tcp.flow.value()), store::FlowOutcome::unknown) << "a reset is no answer";
}

TEST(CsvLog, NamesWhatItLacks) {
    EXPECT_NE(CsvLog("").problem(), "");
    const std::string problem = CsvLog("first,src_ip,dest_ip,proto,bytes").problem();
    EXPECT_EQ(problem, "packets: pkts_toserver, ipkt or packets");
}

TEST(CsvLog, WhatIsWrongIsNamed) {
    const CsvLog log("first,last,src_ip,src_port,dest_ip,dest_port,proto,packets,bytes");
    const auto why = [&](const char* line) {
        const auto read = log.parse(line, utc);
        EXPECT_FALSE(read.flow) << line;
        return read.why;
    };
    EXPECT_EQ(why(""), "");
    EXPECT_EQ(why("a,b"), "it has 2 of 9 values");
    EXPECT_EQ(why("x,,1.2.3.4,1,5.6.7.8,2,17,1,37"), "'x' is not a time");
    EXPECT_EQ(why("2003-08-22,2003-08-21,1.2.3.4,1,5.6.7.8,2,17,1,37"), "it ends before it begins");
    EXPECT_EQ(why("2003-08-22,,1.2.3,1,5.6.7.8,2,17,1,37"), "'1.2.3' is not an address");
    EXPECT_EQ(why("2003-08-22,,1.2.3.4,99999,5.6.7.8,2,17,1,37"), "a port is not 0 to 65535");
    EXPECT_EQ(why("2003-08-22,,1.2.3.4,1,5.6.7.8,2,256,1,37"), "'256' is not a protocol");
    EXPECT_EQ(why("2003-08-22,,1.2.3.4,1,5.6.7.8,2,17,99999999999999999999,37"),
              "packets and bytes are not numbers");
    EXPECT_EQ(why("2003-08-22,,1.2.3.4,1,5.6.7.8,2,17,0,0"), "it has no packet");
    EXPECT_EQ(why("2003-08-22,,1.2.3.4,1,5.6.7.8,2,17,1,18446744073709551615"),
              "it has more packets or bytes than a link can carry");
    EXPECT_TRUE(log.parse("2003-08-22,,1.2.3.4,1,5.6.7.8,2,17,1,72057594037927936", utc).flow);
}

}  // namespace
}  // namespace picket::importer
