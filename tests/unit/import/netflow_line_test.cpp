// Lines of flow logs that were kept by hand.
#include "controlplane/import/netflow_line.h"

#include <gtest/gtest.h>

#include "controlplane/store/address_text.h"
#include "controlplane/store/outcome.h"
#include "controlplane/store/time_text.h"

namespace picket::importer {
namespace {

const ParseTime utc = [](std::string_view text) { return store::parse_time(text, 0); };

ForeignLine parsed(std::string_view line) {
    return parse_netflow_line(line, utc);
}

TEST(NetflowLine, TheOperatorsOwn) {
    const auto read = parsed("2003/08/22 15:09:54 67.73.21.6.50416 -> 192.0.2.7.27015 17 1 37");
    ASSERT_TRUE(read.flow) << read.why;
    const store::StoredFlow& flow = *read.flow;
    EXPECT_EQ(store::format_time(flow.start_ns), "2003-08-22T15:09:54.000000Z");
    EXPECT_EQ(flow.last_ns, flow.start_ns);
    EXPECT_EQ(store::format_address(flow.source), "67.73.21.6");
    EXPECT_EQ(flow.source_port, 50416);
    EXPECT_EQ(store::format_address(flow.destination), "192.0.2.7");
    EXPECT_EQ(flow.destination_port, 27015);
    EXPECT_EQ(flow.protocol, 17);
    EXPECT_EQ(flow.directions[0].packets, 1u);
    EXPECT_EQ(flow.directions[0].bytes, 37u);
    EXPECT_EQ(flow.directions[1].packets, 0u);
    EXPECT_FALSE(read.masked);
    EXPECT_TRUE(flow.is_imported());
    EXPECT_EQ(store::outcome_of(flow), store::FlowOutcome::unknown);
    EXPECT_FALSE(store::is_unanswered(flow)) << "the log cannot tell";
}

TEST(NetflowLine, MaskedAddressesAreNone) {
    const auto read = parsed("2003/08/22 15:09:54 67.73.21.6.50416 -> XXX.XXX.XXX.XXX.27015 17 1 37");
    ASSERT_TRUE(read.flow) << read.why;
    EXPECT_TRUE(read.masked);
    EXPECT_EQ(store::format_address(read.flow->destination), "0.0.0.0");
    EXPECT_EQ(read.flow->destination_port, 27015);
}

TEST(NetflowLine, OtherProtocolsAndAddresses) {
    const auto six = parsed("2003/08/22 15:09:54 2001:db8::1.53 -> 2001:db8::2.1024 udp 2 200");
    ASSERT_TRUE(six.flow) << six.why;
    EXPECT_EQ(store::format_address(six.flow->source), "2001:db8::1");
    EXPECT_EQ(six.flow->source_port, 53);
    const auto icmp = parsed("2003/08/22 15:09:54 192.0.2.1 -> 192.0.2.2 1 2 200\r");
    ASSERT_TRUE(icmp.flow) << icmp.why;
    EXPECT_EQ(store::format_address(icmp.flow->destination), "192.0.2.2");
    EXPECT_EQ(icmp.flow->destination_port, 0);
}

TEST(NetflowLine, NothingToRead) {
    for (const char* line : {"", "   ", "# a comment", "\r"}) {
        const auto read = parsed(line);
        EXPECT_FALSE(read.flow) << line;
        EXPECT_EQ(read.why, "") << line;
    }
}

TEST(NetflowLine, WhatIsWrongIsNamed) {
    const auto why = [](const char* line) {
        const auto read = parsed(line);
        EXPECT_FALSE(read.flow) << line;
        return read.why;
    };
    EXPECT_NE(why("Date,Time,SrcIP"), "");
    EXPECT_NE(why("2003/08/22 15:09:54 1.2.3.4.5 -> 6.7.8.9.10 17 1"), "");
    EXPECT_NE(why("2003/08/22 15:09:54 1.2.3.4.5 -> 6.7.8.9.10 17 1 37 9"), "") << "one field too many";
    EXPECT_EQ(why("2003/13/22 15:09:54 1.2.3.4.5 -> 6.7.8.9.10 17 1 37"),
              "'2003-13-22 15:09:54' is not a time");
    EXPECT_EQ(why("2003/08/22 15:09:54 1.2.3.5 -> 6.7.8.999.10 17 1 37"),
              "'6.7.8.999.10' is not an address and port");
    EXPECT_EQ(why("2003/08/22 15:09:54 1.2.3.4.70000 -> 6.7.8.9.10 17 1 37"),
              "'1.2.3.4.70000' is not an address and port");
    EXPECT_EQ(why("2003/08/22 15:09:54 1.2.3.4.5 -> 6.7.8.9.10 nix 1 37"), "'nix' is not a protocol");
    EXPECT_EQ(why("2003/08/22 15:09:54 1.2.3.4.5 -> 6.7.8.9.10 17 one 37"),
              "packets and bytes are not numbers");
    EXPECT_EQ(why("2003/08/22 15:09:54 1.2.3.4.5 -> 6.7.8.9.10 17 -1 37"),
              "packets and bytes are not numbers");
    EXPECT_EQ(why("2003/08/22 15:09:54 1.2.3.4.5 -> 6.7.8.9.10 17 0 0"), "it has no packet");
}

}  // namespace
}  // namespace picket::importer
