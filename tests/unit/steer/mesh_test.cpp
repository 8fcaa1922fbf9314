#include "dataplane/steer/mesh.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "dataplane/parse/parse_frame.h"
#include "dataplane/rx/rss.h"
#include "dataplane/steer/owner.h"
#include "tests/support/flow_harness.h"

namespace picket::steer {
namespace {

using testing::OwnedFrame;
using testing::PacketBuilder;

TEST(MeshRing, KeepsOrderAndBytesBetweenThreads) {
    Mesh mesh(2, 1 << 16);
    constexpr std::uint64_t frames = 50'000;
    std::thread producer([&mesh] {
        std::mt19937 random(3);
        for (std::uint64_t i = 0; i < frames;) {
            const OwnedFrame owned(std::vector<std::uint8_t>(random() % 2000, static_cast<std::uint8_t>(i)),
                                   i);
            rx::Frame frame = owned.frame;
            frame.sequence = i;
            while (mesh.ring(0, 1).push(frame) != PushResult::pushed) std::this_thread::yield();
            ++i;
        }
    });
    MeshInbox inbox(mesh, 1);
    std::array<rx::Frame, 32> got;
    for (std::uint64_t expected = 0; expected < frames;) {
        const std::size_t count = inbox.receive(got);
        for (std::size_t i = 0; i < count; ++i, ++expected) {
            ASSERT_EQ(got[i].sequence, expected);
            ASSERT_EQ(got[i].time_ns, expected);
            for (std::uint32_t at = 0; at < got[i].captured_length; at += 499) {
                ASSERT_EQ(got[i].data[at], static_cast<std::uint8_t>(expected));
            }
        }
        inbox.release();
    }
    producer.join();
}

TEST(MeshRing, SaysFullAndOversize) {
    Mesh mesh(2, 4096);
    const OwnedFrame small(std::vector<std::uint8_t>(500));
    const OwnedFrame large(std::vector<std::uint8_t>(2000));
    EXPECT_EQ(mesh.ring(0, 1).push(large.frame), PushResult::oversize);
    int pushed = 0;
    while (mesh.ring(0, 1).push(small.frame) == PushResult::pushed) ++pushed;
    EXPECT_EQ(pushed, 7);
    MeshInbox inbox(mesh, 1);
    std::array<rx::Frame, 32> got;
    EXPECT_EQ(inbox.receive(got), 7u);
    EXPECT_EQ(mesh.ring(0, 1).push(small.frame), PushResult::full);  // still in use
    inbox.release();
    EXPECT_EQ(mesh.ring(0, 1).push(small.frame), PushResult::pushed);
}

TEST(MeshInbox, HeadsComeInSequence) {
    Mesh mesh(3, 1 << 16);
    OwnedFrame owned(std::vector<std::uint8_t>(60));
    for (std::uint64_t sequence = 0; sequence < 30; ++sequence) {
        owned.frame.sequence = sequence;
        ASSERT_EQ(mesh.ring(sequence % 3 == 0 ? 0 : 2, 1).push(owned.frame), PushResult::pushed);
    }
    MeshInbox inbox(mesh, 1);
    rx::Frame head;
    for (std::uint64_t sequence = 0; sequence < 30; ++sequence) {
        ASSERT_TRUE(inbox.head(head));
        EXPECT_EQ(head.sequence, sequence);
        inbox.take_head();
    }
    EXPECT_FALSE(inbox.head(head));
}

// Ownership is what a NIC with the symmetric key does by addresses, so that a packet is already at home.
TEST(Owner, AgreesWithTheQueueByAddresses) {
    std::mt19937 random(5);
    for (int i = 0; i < 2000; ++i) {
        auto builder = PacketBuilder().ethernet();
        const auto text4 = [&] {
            return "10." + std::to_string(random() % 256) + "." + std::to_string(random() % 256) + ".9";
        };
        const auto text6 = [&] {
            return "2001:db8::" + std::to_string(random() % 9999) + ":" + std::to_string(random() % 9999);
        };
        const auto port = [&] { return static_cast<std::uint16_t>(random()); };
        if (i % 2 == 0) {
            builder.ipv4(text4().c_str(), text4().c_str());
        } else {
            builder.ipv6(text6().c_str(), text6().c_str());
        }
        switch (i % 3) {
            case 0:
                builder.tcp(port(), port());
                break;
            case 1:
                builder.udp(port(), port());
                break;
            default:
                builder.protocol(47).payload("gre");
                break;
        }
        const OwnedFrame owned(builder.bytes());
        parse::Packet packet;
        ASSERT_FALSE(parse::parse_frame(owned.frame, {}, testing::test_hash, packet));
        for (const std::uint16_t workers : {1, 2, 3, 7, 16}) {
            EXPECT_EQ(owner_of(packet, workers),
                      rx::queue_of(rx::rss_hash(owned.frame, rx::RssModel::two_tuple), workers));
        }
    }
}

// Fragments have no ports, and an answer may come from another port: the pair of addresses decides.
TEST(Owner, IsTheSameForAllPacketsOfAnAddressPair) {
    const auto owner = [](const PacketBuilder& builder) {
        const OwnedFrame owned(builder.bytes());
        parse::Packet packet;
        EXPECT_FALSE(parse::parse_frame(owned.frame, {}, testing::test_hash, packet));
        return owner_of(packet, 7);
    };
    const auto there = [] { return PacketBuilder().ethernet().ipv4("10.0.0.1", "10.9.8.7"); };
    const std::uint32_t one = owner(there().udp(5000, 53));
    EXPECT_EQ(owner(there().tcp(6001, 80)), one);
    EXPECT_EQ(owner(there().icmp(8, 0, 77)), one);
    EXPECT_EQ(owner(PacketBuilder().ethernet().ipv4("10.9.8.7", "10.0.0.1").udp(53, 5000)), one);
    EXPECT_EQ(owner(PacketBuilder()
                        .ethernet()
                        .ipv4("10.9.8.7", "10.0.0.1", {.fragment = 0x20b9})
                        .protocol(parse::protocol_udp)
                        .payload("later fragment")),
              one);
}

}  // namespace
}  // namespace picket::steer
