// The fragment stage against an obvious model: random datagrams, cut at random, mixed, repeated, overlapping
// and lost. The model keeps every datagram as a plain array of bytes of which the first ones stay.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/support/fragment_harness.h"

namespace picket {
namespace {

using testing::Cut;
using testing::DatagramFields;
using testing::fragment_of;
using testing::FragmentHarness;
using testing::second_ns;

struct Sent {
    std::uint32_t id;
    std::string bytes;  // of the datagram that the fragment was cut from
    Cut cut;
};

struct ModelDatagram {
    std::string bytes;
    std::vector<bool> there;
    std::size_t total = 0;
    bool done = false;

    // The payload if it is whole now.
    std::string add(const Sent& sent) {
        const std::size_t end = sent.cut.offset + sent.cut.length;
        if (done) return {};
        if (bytes.size() < end) {
            bytes.resize(end);
            there.resize(end);
        }
        for (std::size_t i = sent.cut.offset; i < end; ++i) {
            if (!there[i]) bytes[i] = sent.bytes[i];
            there[i] = true;
        }
        if (!sent.cut.more) total = end;
        done = total != 0 && std::find(there.begin(), there.end(), false) == there.end();
        return done ? bytes.substr(8) : "";
    }
};

// A datagram's fragments; some of them twice, some longer than they need be, so that they overlap.
void cut_at_random(std::uint32_t id, std::mt19937& random, std::vector<Sent>& sent) {
    std::string payload(random() % 6000 + 24, ' ');
    for (char& c : payload) c = static_cast<char>(random());
    const std::string bytes = testing::udp_datagram(payload);
    const bool overlapping = random() % 3 == 0;
    const bool lossy = random() % 5 == 0;
    for (std::size_t at = 0; at < bytes.size();) {
        // Never all of it: that were no fragment.
        const std::size_t length =
            std::min({8 + random() % 180 * 8, bytes.size() - at, bytes.size() / 16 * 8});
        Cut cut{at, length, at + length < bytes.size()};
        at += length;
        std::string from = bytes;
        if (overlapping && cut.more) {
            const std::size_t further =
                std::min<std::size_t>(cut.length + 8 * (random() % 9), (bytes.size() - cut.offset) / 8 * 8);
            if (cut.offset + further < bytes.size()) cut.length = further;
            for (std::size_t i = 8; i < from.size(); ++i) from[i] = static_cast<char>(random());
        }
        if (lossy && cut.offset != 0 && random() % 4 == 0) continue;
        sent.push_back({id, from, cut});
        // Not of a first one: after the end it would begin another datagram.
        if (cut.offset != 0 && random() % 6 == 0) sent.push_back(sent.back());
    }
}

TEST(FragmentProperty, DatagramsAreWhatAModelMakesOfThem) {
    for (unsigned seed = 1; seed <= 60; ++seed) {
        std::mt19937 random(seed);
        const bool ipv6 = seed % 2 == 0;
        std::vector<Sent> sent;
        const std::uint32_t datagrams = 1 + random() % 40;
        for (std::uint32_t id = 0; id < datagrams; ++id) cut_at_random(id, random, sent);
        std::shuffle(sent.begin(), sent.end(), random);

        FragmentHarness harness;
        std::map<std::uint32_t, ModelDatagram> model;
        std::vector<std::string> expected;
        std::size_t whole = 0;
        for (const Sent& one : sent) {
            harness.feed(fragment_of(one.bytes, one.cut, {.id = one.id, .ipv6 = ipv6}));
            const std::string payload = model[one.id].add(one);
            if (!payload.empty()) expected.push_back(payload);
            if (random() % 8 == 0) harness.stage.end_burst();
        }
        for (const auto& [id, datagram] : model) whole += datagram.done ? 1 : 0;
        ASSERT_TRUE(harness.payloads() == expected) << "seed " << seed;
        EXPECT_EQ(harness.counters().fragment_datagrams, whole);
        harness.stage.give_up_all();
        EXPECT_EQ(harness.held, 0);
        EXPECT_EQ(harness.passed.size(), sent.size());
        for (const auto& one : harness.passed) {
            EXPECT_EQ(one.packet.key.port_a + one.packet.key.port_b, 5053) << "no datagram lacks its first";
        }
    }
}

// Any bytes at all: each fragment goes on once, and nothing is read or written out of bounds.
TEST(FragmentProperty, NonsenseGoesOnOnce) {
    std::mt19937 random(77);
    FragmentHarness harness({.datagrams = 16, .bytes = 1 << 16, .held = 32});
    std::string bytes(70'000, ' ');
    std::size_t fed = 0;
    for (int i = 0; i < 60'000; ++i) {
        const std::size_t offset = random() % 8192 * 8;
        const Cut cut{random() % 4 == 0 ? 0 : offset, random() % 1400, random() % 4 != 0};
        if (cut.offset == 0 && (cut.length < 20 || !cut.more)) continue;
        if (cut.offset == 0) bytes.replace(0, 8, testing::udp_datagram({}));
        const std::uint64_t time_ns = second_ns * (1 + random() % 100);
        const auto protocol = random() % 8 == 0 ? parse::protocol_icmp : parse::protocol_udp;
        harness.feed(fragment_of(bytes, cut,
                                 {.id = static_cast<std::uint32_t>(random() % 20),
                                  .protocol = protocol,
                                  .ipv6 = random() % 2 == 0}),
                     time_ns, 80 + random() % 1500);
        ++fed;
        if (random() % 50 == 0) harness.stage.end_burst();
        if (random() % 200 == 0) harness.stage.expire(second_ns * (random() % 120));
        EXPECT_EQ(harness.passed.size() + static_cast<std::size_t>(harness.held), fed);
    }
    harness.stage.give_up_all();
    EXPECT_EQ(harness.passed.size(), fed);
}

}  // namespace
}  // namespace picket
