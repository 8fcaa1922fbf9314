// Who may begin a flow while the table is under pressure, and what is counted of the others.
#include "dataplane/flow/folder.h"

#include <gtest/gtest.h>

#include "tests/support/flow_harness.h"

namespace picket::testing {
namespace {

constexpr std::size_t capacity = 1000;  // folding from 800, answers until 900, payloads until 950

flow::FlowSettings live_settings(double share = 0.8) {
    flow::FlowSettings settings;
    settings.capacity = capacity;
    settings.fold_above_share = share;
    return settings;
}

std::string host(std::uint32_t number) {
    return "10.0." + std::to_string(number >> 8) + "." + std::to_string(number & 0xff);
}
PacketBuilder tcp(std::uint32_t number, std::uint8_t flags, const char* server = "192.0.2.1") {
    return PacketBuilder().ethernet().ipv4(host(number).c_str(), server).tcp(4000, 80, {flags, 1, 0});
}
PacketBuilder udp(std::uint32_t number) {
    return PacketBuilder().ethernet().ipv4(host(number).c_str(), "192.0.2.1").udp(4000, 53);
}

// A tracker with flows of hosts 0.. in it.
struct Filled {
    explicit Filled(std::uint32_t flows, double share = 0.8) : harness(live_settings(share)) {
        for (std::uint32_t i = 0; i < flows; ++i) feed(tcp(i, parse::tcp_syn));
    }
    flow::Tracked feed(const PacketBuilder& packet) { return harness.feed(packet, time_ns += 1000); }
    bool begins(const PacketBuilder& packet) {
        const flow::Tracked tracked = feed(packet);
        if (tracked.cold == flow::no_index) {
            EXPECT_EQ(tracked.outcome, api::Outcome::folded);
        }
        return tracked.cold != flow::no_index;
    }
    std::uint32_t flags_of(const flow::Tracked& tracked) {
        return harness.tracker.table().cold(tracked.cold).flags;
    }
    // Fills up to `entries` with what is always let in.
    void fill_to(std::size_t entries) {
        for (std::uint32_t i = 20'000; harness.tracker.table().entries() < entries; ++i) {
            (void)feed(tcp(i, parse::tcp_syn));
            (void)feed(tcp(i, parse::tcp_ack));
        }
    }
    FlowHarness harness;
    std::uint64_t time_ns = second_ns;
};

constexpr std::uint8_t syn_ack = parse::tcp_syn | parse::tcp_ack;

TEST(Folder, BelowTheShareEverythingBegins) {
    Filled filled(799);
    EXPECT_TRUE(filled.begins(tcp(5000, parse::tcp_syn)));
    EXPECT_FALSE(filled.begins(tcp(5001, parse::tcp_syn)));
}

TEST(Folder, TheSecondPacketBeginsTheFlowAndSaysSo) {
    Filled filled(800);
    EXPECT_FALSE(filled.begins(udp(5000)));
    const flow::Tracked tracked = filled.feed(udp(5000));
    ASSERT_NE(tracked.cold, flow::no_index);
    EXPECT_NE(filled.flags_of(tracked) & api::flow_first_folded, 0u);
    EXPECT_EQ(filled.flags_of(filled.feed(tcp(5, parse::tcp_ack))) & api::flow_first_folded, 0u);
}

TEST(Folder, TheOtherSidesAnswerIsTheSecondPacket) {
    Filled filled(800);
    EXPECT_FALSE(filled.begins(tcp(5000, parse::tcp_syn)));
    auto answer =
        PacketBuilder().ethernet().ipv4("192.0.2.1", host(5000).c_str()).tcp(80, 4000, {syn_ack, 1, 2});
    const flow::Tracked tracked = filled.feed(answer);
    ASSERT_NE(tracked.cold, flow::no_index);
    EXPECT_NE(filled.flags_of(tracked) & api::flow_first_folded, 0u);
    filled.feed(tcp(5000, parse::tcp_ack));
    const auto& records = filled.harness.finish(filled.time_ns);
    for (const auto& record : records) {
        if ((record.flags & api::flow_first_folded) == 0) continue;
        EXPECT_EQ(record.destination_port, 80) << "the SYN-ACK says who began";
        EXPECT_EQ(record.directions[0].packets, 1u);
        EXPECT_EQ(record.directions[1].packets, 1u);
    }
}

TEST(Folder, ASynThatIsRepeatedOrCopiedProvesNothing) {
    Filled filled(800);
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(filled.begins(tcp(5000, parse::tcp_syn)));
    const flow::Tracked tracked = filled.feed(tcp(5000, parse::tcp_ack));
    ASSERT_NE(tracked.cold, flow::no_index);
    EXPECT_NE(filled.flags_of(tracked) & api::flow_first_folded, 0u);
}

TEST(Folder, AMomentLaterIsTooLate) {
    Filled filled(800);
    EXPECT_FALSE(filled.begins(udp(5000)));
    filled.time_ns += 10 * second_ns;
    EXPECT_FALSE(filled.begins(udp(5000)));
    EXPECT_TRUE(filled.begins(udp(5000)));
}

TEST(Folder, AnswersHaveHalfOfTheRest) {
    Filled filled(800);
    EXPECT_TRUE(filled.begins(tcp(5000, syn_ack)));
    EXPECT_TRUE(filled.begins(tcp(5001, parse::tcp_ack)));
    filled.fill_to(900);
    EXPECT_FALSE(filled.begins(tcp(5002, parse::tcp_ack)));
    EXPECT_TRUE(filled.begins(tcp(5002, parse::tcp_ack))) << "its second packet";
}

TEST(Folder, WhatOthersAreInterestedInHasMore) {
    Filled filled(800);
    filled.harness.tracker.folder().set_interest(
        {[](void*, const parse::Packet& packet) noexcept {
             if (flow::ends_of(packet)[1] ==
                 api::ipv4_mapped(std::array<std::uint8_t, 4>{192, 0, 2, 66}.data())) {
                 return flow::Interest::watched;
             }
             return packet.payload_captured != 0 ? flow::Interest::payload : flow::Interest::none;
         },
         nullptr});
    EXPECT_TRUE(filled.begins(udp(5000).payload("info")));
    EXPECT_FALSE(filled.begins(udp(5001)));
    filled.fill_to(950);
    EXPECT_FALSE(filled.begins(udp(5002).payload("info")));
    EXPECT_TRUE(filled.begins(tcp(5003, parse::tcp_syn, "192.0.2.66")));
    filled.fill_to(capacity);
    EXPECT_FALSE(filled.begins(tcp(5004, parse::tcp_syn, "192.0.2.66")));
    EXPECT_FALSE(filled.begins(tcp(5004, parse::tcp_syn, "192.0.2.66"))) << "there is no room at all";
    EXPECT_TRUE(filled.begins(tcp(7, parse::tcp_ack))) << "what is there stays";
}

TEST(Folder, ShareOneFoldsAtTheVeryEnd) {
    Filled filled(capacity, 1.0);
    EXPECT_EQ(filled.harness.tracker.table().entries(), capacity);
    EXPECT_FALSE(filled.begins(tcp(5000, parse::tcp_syn)));
}

TEST(Folder, ShareZeroRefuses) {
    Filled filled(capacity, 0);
    const flow::Tracked tracked = filled.feed(tcp(5000, parse::tcp_syn));
    EXPECT_EQ(tracked.outcome, api::Outcome::table_full);
}

TEST(FoldTables, NetworksAndVictimsOfBothFamilies) {
    Filled filled(800);
    for (int i = 0; i < 20; ++i) {
        const std::string source = "2001:db8:7:" + std::to_string(i) + "::1";
        EXPECT_FALSE(filled.begins(PacketBuilder()
                                       .ethernet()
                                       .ipv6(source.c_str(), "2001:db8::80")
                                       .tcp(4000, 443, {parse::tcp_syn})));
        EXPECT_FALSE(filled.begins(tcp(0x5000 + static_cast<std::uint32_t>(i), parse::tcp_syn)));
    }
    auto& tables = filled.harness.tracker.folder().tables();
    std::vector<api::FoldEntry> entries;
    for (std::size_t table = 0; table < flow::fold_tables; ++table) {
        tables.sweep(table, 0, flow::fold_slots, 1, [&](const api::FoldEntry& entry) {
            entries.push_back(entry);
            return true;
        });
        EXPECT_EQ(tables.held(table), flow::FoldTotals{});
        EXPECT_EQ(tables.reported(table), tables.totals());
    }
    ASSERT_EQ(entries.size(), 4u);
    for (const auto& entry : entries) {
        EXPECT_EQ(entry.packets, 20u);
        EXPECT_EQ(entry.bytes, 20u * (entry.address.is_ipv4() ? 40 : 60));
        if (entry.prefix_bits == 0) {
            EXPECT_EQ(entry.port, entry.address.is_ipv4() ? 80 : 443);
        } else {
            EXPECT_EQ(entry.prefix_bits, entry.address.is_ipv4() ? 120 : 48);
            EXPECT_EQ(entry.address.bytes[15], 0) << "the network's first address";
        }
    }
}

TEST(FoldTables, WhatCannotBeToldStays) {
    Filled filled(800);
    for (int i = 0; i < 20; ++i)
        (void)filled.feed(tcp(0x5000 + static_cast<std::uint32_t>(i), parse::tcp_syn));
    auto& tables = filled.harness.tracker.folder().tables();
    tables.sweep(1, 0, flow::fold_slots, 1, [](const api::FoldEntry&) { return false; });
    EXPECT_EQ(tables.held(1), tables.totals());
    tables.sweep(1, 0, flow::fold_slots, 21, [](const api::FoldEntry&) { return true; });
    EXPECT_EQ(tables.other(1), tables.totals()) << "too little to be told";
}

}  // namespace
}  // namespace picket::testing
