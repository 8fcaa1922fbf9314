#include "dataplane/fragment/fragment_stage.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "tests/support/fragment_harness.h"

namespace picket {
namespace {

using testing::Cut;
using testing::cuts_of;
using testing::DatagramFields;
using testing::fragment_of;
using testing::FragmentHarness;
using testing::letters;
using testing::second_ns;
using testing::tcp_datagram;
using testing::udp_datagram;

constexpr std::uint64_t minute_ns = 60 * second_ns;

void expect_ports(const parse::Packet& packet, int a, int b) {
    EXPECT_EQ(std::min(packet.key.port_a, packet.key.port_b), std::min(a, b));
    EXPECT_EQ(std::max(packet.key.port_a, packet.key.port_b), std::max(a, b));
    EXPECT_EQ(packet.hash, testing::test_hash(packet.key));
}

TEST(FragmentStage, EveryOrderOfFour) {
    for (const bool ipv6 : {false, true}) {
        const DatagramFields fields{.id = ipv6 ? 0xabcd1234u : 99u, .ipv6 = ipv6};
        const std::string payload = letters(72);
        const std::string datagram = udp_datagram(payload);
        const auto cuts = cuts_of(datagram.size(), 24);
        ASSERT_EQ(cuts.size(), 4u);
        std::array<int, 4> order{0, 1, 2, 3};
        do {
            FragmentHarness harness;
            for (std::size_t i = 0; i < order.size(); ++i) {
                harness.feed(fragment_of(datagram, cuts[static_cast<std::size_t>(order[i])], fields),
                             second_ns + i);
            }
            EXPECT_EQ(harness.held, 0);
            ASSERT_EQ(harness.passed.size(), 4u);
            EXPECT_EQ(harness.payloads(), std::vector{payload});
            // The one that makes it whole is the last that came; it is the packet of the whole payload.
            const parse::Packet& last = harness.passed.back().packet;
            EXPECT_EQ(last.time_ns, second_ns + 3);
            EXPECT_EQ(last.payload_length, payload.size());
            EXPECT_EQ(last.flags, parse::packet_fragment);
            std::vector<std::uint64_t> times;
            for (const auto& one : harness.passed) {
                expect_ports(one.packet, 53, 5000);
                EXPECT_TRUE(one.packet.key == harness.passed[0].packet.key);
                times.push_back(one.packet.time_ns - second_ns);
            }
            EXPECT_EQ(times, (std::vector<std::uint64_t>{0, 1, 2, 3}));
            EXPECT_EQ(harness.counters().fragment_datagrams, 1u);
            EXPECT_FALSE(harness.stage.waits());
            EXPECT_EQ(harness.stage.low_ns(), UINT64_MAX);
        } while (std::next_permutation(order.begin(), order.end()));
    }
}

TEST(FragmentStage, RepeatedFragmentsChangeNothing) {
    const std::string datagram = udp_datagram(letters(40));
    const auto cuts = cuts_of(datagram.size(), 16);
    FragmentHarness harness;
    for (const std::size_t i : {2, 2, 0, 0, 2, 1, 1, 2}) harness.feed(fragment_of(datagram, cuts[i]));
    ASSERT_EQ(harness.passed.size(), 8u);
    EXPECT_EQ(harness.payloads(), std::vector{letters(40)});
    for (const auto& one : harness.passed) expect_ports(one.packet, 53, 5000);
    EXPECT_EQ(harness.counters().fragments_contradicting, 0u);
}

// A first fragment after the end begins another datagram: the sender uses the identification again.
TEST(FragmentStage, AnIdentificationThatIsUsedAgain) {
    FragmentHarness harness;
    for (const std::size_t length : {40, 24}) {
        const std::string datagram = udp_datagram(letters(length));
        for (const Cut& cut : cuts_of(datagram.size(), 16)) harness.feed(fragment_of(datagram, cut));
    }
    EXPECT_EQ(harness.payloads(), (std::vector{letters(40), letters(24)}));
    EXPECT_EQ(harness.counters().fragments_contradicting, 0u);
}

TEST(FragmentStage, OfOverlapsTheFirstBytesStay) {
    for (const bool ipv6 : {false, true}) {
        const DatagramFields fields{.ipv6 = ipv6};
        const std::string one = udp_datagram(std::string(40, 'A'));
        const std::string other = udp_datagram(std::string(40, 'B'));
        FragmentHarness harness;
        harness.feed(fragment_of(one, {0, 24, true}, fields));
        harness.feed(fragment_of(other, {16, 24, true}, fields));  // 16 to 24 are there
        harness.feed(fragment_of(other, {32, 16, false}, fields));
        EXPECT_EQ(harness.payloads(), std::vector{std::string(16, 'A') + std::string(24, 'B')});
        EXPECT_EQ(harness.counters().fragments_contradicting, 2u);
        EXPECT_EQ(harness.passed[0].packet.flags & parse::packet_overlap, 0);
        EXPECT_NE(harness.passed[1].packet.flags & parse::packet_overlap, 0);
    }
}

TEST(FragmentStage, NonsenseIsCountedInTheFlowAndLeftOut) {
    const std::string datagram = udp_datagram(letters(40));
    const std::string filler(64, 'x');
    FragmentHarness harness;
    harness.feed(fragment_of(datagram, {0, 16, true}));
    // Beyond 65,535 bytes; empty; an end within what is there; teardrop's second fragment.
    harness.feed(testing::PacketBuilder()
                     .ethernet()
                     .ipv4("10.0.0.1", "10.0.0.2", {.id = 7, .fragment = 0x1fff})
                     .protocol(parse::protocol_udp)
                     .payload(filler));
    harness.feed(fragment_of(datagram, {24, 0, true}));
    harness.feed(fragment_of(datagram, {8, 4, false}));
    harness.feed(fragment_of(datagram, {16, 16, true}));
    harness.feed(fragment_of(datagram, {32, 16, false}));
    EXPECT_EQ(harness.payloads(), std::vector{letters(40)});
    EXPECT_EQ(harness.passed.size(), 6u);
    EXPECT_EQ(harness.counters().fragments_contradicting, 3u);
    // A second end that is another one, and bytes beyond the first.
    FragmentHarness ends;
    ends.feed(fragment_of(datagram, {32, 16, false}));
    ends.feed(fragment_of(datagram, {32, 8, false}));
    ends.feed(fragment_of(filler, {48, 8, true}));
    ends.feed(fragment_of(datagram, {0, 32, true}));
    EXPECT_EQ(ends.payloads(), std::vector{letters(40)});
    EXPECT_EQ(ends.counters().fragments_contradicting, 2u);
}

TEST(FragmentStage, WithoutTheFirstTheyGoOnWithoutPorts) {
    const std::string datagram = udp_datagram(letters(40));
    FragmentHarness harness;
    harness.feed(fragment_of(datagram, {16, 16, true}), 10 * second_ns);
    harness.feed(fragment_of(datagram, {32, 16, false}), 11 * second_ns);
    EXPECT_EQ(harness.held, 2);
    EXPECT_FALSE(harness.stage.may_be_over(40 * second_ns));
    EXPECT_TRUE(harness.stage.may_be_over(40 * second_ns + 1));
    EXPECT_EQ(harness.stage.low_ns(), 10 * second_ns);
    harness.stage.expire(40 * second_ns);
    EXPECT_EQ(harness.held, 2);
    harness.stage.expire(40 * second_ns + 1);
    EXPECT_EQ(harness.held, 0);
    ASSERT_EQ(harness.passed.size(), 2u);
    for (const auto& one : harness.passed) {
        EXPECT_TRUE(one.held);
        expect_ports(one.packet, 0, 0);
        EXPECT_EQ(one.payload, "");
    }
    EXPECT_EQ(harness.passed[1].packet.time_ns, 11 * second_ns);
    EXPECT_EQ(harness.counters().fragments_timed_out, 2u);
    EXPECT_TRUE(harness.late.empty());
}

// The fragment's own time decides, whether or not expire() was called.
TEST(FragmentStage, AFragmentOfThirtySecondsLaterIsOfAnotherDatagram) {
    const std::string datagram = udp_datagram(letters(24));
    for (const std::uint64_t later : {30 * second_ns, 30 * second_ns + 1}) {
        FragmentHarness harness;
        harness.feed(fragment_of(datagram, {16, 16, false}), minute_ns);
        harness.feed(fragment_of(datagram, {0, 16, true}), minute_ns + later);
        EXPECT_EQ(harness.payloads().size(), later == 30 * second_ns ? 1u : 0u);
        expect_ports(harness.passed[0].packet, later == 30 * second_ns ? 53 : 0,
                     later == 30 * second_ns ? 5000 : 0);
    }
}

// Captures may go back in time: what is given up goes by the datagrams' times, whoever comes first.
TEST(FragmentStage, GivesUpInTheOrderOfTime) {
    const std::string datagram = udp_datagram(letters(24));
    for (const bool by_packet : {false, true}) {
        FragmentHarness harness;
        std::uint32_t id = 1;
        for (const std::uint64_t begun : {300, 100, 200}) {
            harness.feed(fragment_of(datagram, {16, 16, false}, {.id = id++}), begun * second_ns);
        }
        parse::Packet packet;
        packet.key = harness.last_fed.key;
        packet.time_ns = 231 * second_ns;
        if (by_packet) {
            harness.stage.end_pair(packet);
        } else {
            harness.stage.expire(packet.time_ns);
        }
        ASSERT_EQ(harness.passed.size(), 2u);
        EXPECT_EQ(harness.passed[0].packet.time_ns, 100 * second_ns);
        EXPECT_EQ(harness.passed[1].packet.time_ns, 200 * second_ns);
        packet.key.address_b += 1;
        packet.time_ns = 400 * second_ns;
        harness.stage.end_pair(packet);
        EXPECT_EQ(harness.held, 1);
        EXPECT_EQ(harness.stage.low_ns(), 300 * second_ns);
    }
}

TEST(FragmentStage, WithoutTheLastWhatThereIsIsToldLate) {
    const std::string datagram = udp_datagram(letters(64));
    FragmentHarness harness;
    harness.feed(fragment_of(datagram, {40, 16, true}));
    harness.feed(fragment_of(datagram, {0, 16, true}), 2 * second_ns);
    harness.feed(fragment_of(datagram, {16, 16, true}), 3 * second_ns);
    EXPECT_TRUE(harness.payloads().empty());
    harness.stage.give_up_all();
    ASSERT_EQ(harness.late.size(), 1u);
    EXPECT_EQ(harness.late[0].payload, letters(24));
    EXPECT_EQ(harness.late[0].packet.time_ns, 3 * second_ns);
    EXPECT_NE(harness.late[0].packet.flags & parse::packet_payload_cut, 0);
    expect_ports(harness.late[0].packet, 53, 5000);
    EXPECT_EQ(harness.passed.size(), 3u);
    EXPECT_EQ(harness.counters().fragments_timed_out, 3u);
}

TEST(FragmentStage, WhatTheCaptureCutOffEndsThePayload) {
    const std::string datagram = udp_datagram(letters(48));
    FragmentHarness harness;
    for (const Cut& cut : cuts_of(datagram.size(), 24)) {
        harness.feed(fragment_of(datagram, cut), second_ns, 14 + 20 + 20);
    }
    EXPECT_EQ(harness.payloads(), std::vector{letters(12)});
    EXPECT_EQ(harness.passed.back().packet.payload_length, 48u);
    EXPECT_NE(harness.passed.back().packet.flags & parse::packet_payload_cut, 0);
}

// RFC 1858 §3: the flags of a TCP header are in the second fragment.
TEST(FragmentStage, ATcpHeaderInTinyFragments) {
    const std::string datagram = tcp_datagram("GET / HTTP/1.0\r\n\r\n", {parse::tcp_psh, 1234, 77});
    for (const bool backwards : {false, true}) {
        auto cuts = cuts_of(datagram.size(), 8);
        if (backwards) std::reverse(cuts.begin(), cuts.end());
        FragmentHarness harness;
        for (const Cut& cut : cuts) {
            harness.feed(fragment_of(datagram, cut, {.protocol = parse::protocol_tcp}));
        }
        ASSERT_EQ(harness.payloads(), std::vector<std::string>{"GET / HTTP/1.0\r\n\r\n"});
        const parse::Packet& last = harness.passed.back().packet;
        EXPECT_EQ(last.tcp_flags, parse::tcp_psh);
        EXPECT_EQ(last.tcp_sequence, 1234u);
        for (const auto& one : harness.passed) expect_ports(one.packet, 80, 5000);
    }
}

TEST(FragmentStage, Ipv6ExtensionHeadersWithinTheFragment) {
    // Destination options before UDP: later fragments name protocol 60.
    std::string datagram{char{17}, 0, 1, 4, 0, 0, 0, 0};
    datagram += udp_datagram(letters(24));
    const DatagramFields fields{.protocol = 60, .ipv6 = true};
    for (const bool backwards : {false, true}) {
        auto cuts = cuts_of(datagram.size(), 16);
        if (backwards) std::reverse(cuts.begin(), cuts.end());
        FragmentHarness harness;
        for (const Cut& cut : cuts) harness.feed(fragment_of(datagram, cut, fields));
        EXPECT_EQ(harness.payloads(), std::vector{letters(24)});
        for (const auto& one : harness.passed) {
            EXPECT_EQ(one.packet.key.protocol, parse::protocol_udp);
            expect_ports(one.packet, 53, 5000);
        }
    }
}

TEST(FragmentStage, ProtocolsWithoutPortsDoNotWait) {
    FragmentHarness harness;
    harness.feed(fragment_of(letters(32), {16, 16, false}, {.protocol = 50}));
    EXPECT_EQ(harness.held, 0);
    EXPECT_EQ(harness.passed.size(), 1u);
    EXPECT_FALSE(harness.stage.waits());
}

TEST(FragmentStage, IdentificationDirectionAndProtocolTellDatagramsApart) {
    const std::string datagram = udp_datagram(letters(24));
    FragmentHarness harness;
    harness.feed(fragment_of(datagram, {0, 16, true}));
    harness.feed(fragment_of(datagram, {16, 16, false}, {.id = 8}));
    harness.feed(fragment_of(datagram, {16, 16, false}, {.protocol = parse::protocol_tcp}));
    harness.feed(testing::PacketBuilder()
                     .ethernet()
                     .ipv4("10.0.0.2", "10.0.0.1", {.id = 7, .fragment = 2})
                     .protocol(parse::protocol_udp)
                     .payload(letters(16)));
    EXPECT_EQ(harness.held, 3);
    harness.feed(fragment_of(datagram, {16, 16, false}));
    EXPECT_EQ(harness.payloads(), std::vector{letters(24)});
    EXPECT_EQ(harness.held, 3);
}

TEST(FragmentStage, AFullTableGivesUpTheOldest) {
    const std::string datagram = udp_datagram(letters(24));
    FragmentHarness harness({.datagrams = 4});
    for (std::uint32_t id = 1; id <= 6; ++id) {
        harness.feed(fragment_of(datagram, {16, 16, false}, {.id = id}), id * second_ns);
    }
    EXPECT_EQ(harness.held, 4);
    ASSERT_EQ(harness.passed.size(), 2u);
    EXPECT_EQ(harness.passed[0].packet.time_ns, second_ns);
    EXPECT_EQ(harness.passed[1].packet.time_ns, 2 * second_ns);
    EXPECT_EQ(harness.counters().fragments_evicted, 2u);
    // A whole one makes room before one that is open.
    harness.feed(fragment_of(datagram, {0, 16, true}, {.id = 3}), 7 * second_ns);
    harness.feed(fragment_of(datagram, {16, 16, false}, {.id = 9}), 7 * second_ns);
    EXPECT_EQ(harness.held, 4);
    EXPECT_EQ(harness.counters().fragments_evicted, 2u);
}

// A datagram that fills every held place lets go of its own; each counts once, however the datagram ends.
TEST(FragmentStage, HeldFragmentsThatHaveToGoCountAsEvicted) {
    const std::string datagram = udp_datagram(letters(2000));
    for (const bool completes : {false, true}) {
        FragmentHarness harness({.held = 3});
        const auto cuts = cuts_of(datagram.size(), 200);
        for (std::size_t i = 1; i <= 4; ++i) harness.feed(fragment_of(datagram, cuts[i]));
        EXPECT_EQ(harness.held, 1);
        EXPECT_EQ(harness.counters().fragments_evicted, 3u);
        if (completes) {
            harness.feed(fragment_of(datagram, cuts[0]));
            for (std::size_t i = 5; i < cuts.size(); ++i) harness.feed(fragment_of(datagram, cuts[i]));
            EXPECT_EQ(harness.counters().fragment_datagrams, 1u);
        }
        harness.stage.give_up_all();
        EXPECT_EQ(harness.counters().fragments_evicted, 3u);
        EXPECT_EQ(harness.counters().fragments_timed_out, completes ? 0u : 1u);
        EXPECT_EQ(harness.passed.size(), completes ? cuts.size() : 4u);
    }
}

TEST(FragmentStage, FewBytesAndFewPlacesToHold) {
    const std::string datagram = udp_datagram(letters(60'000));
    FragmentHarness harness({.datagrams = 64, .bytes = 1, .held = 3});
    const auto cuts = cuts_of(datagram.size(), 1480);
    std::size_t fed = 0;
    for (std::uint32_t id = 1; id <= 3; ++id) {
        for (auto cut = cuts.rbegin(); cut != cuts.rend(); ++cut, ++fed) {
            harness.feed(fragment_of(datagram, *cut, {.id = id}));
        }
    }
    harness.stage.give_up_all();
    EXPECT_EQ(harness.held, 0);
    EXPECT_EQ(harness.passed.size(), fed);
    // Two at a time do not fit, one at a time does.
    EXPECT_EQ(harness.payloads().size(), 3u);
}

}  // namespace
}  // namespace picket
