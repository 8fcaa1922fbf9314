// Kept packets: which are, and what came back put together from them.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "controlplane/store/answer_bytes.h"
#include "controlplane/store/packet_store.h"
#include "tests/unit/store/store_fixtures.h"

namespace picket::store {
namespace {

StoredPacket packet(std::uint64_t flow, std::uint64_t time_ns, std::string payload,
                    std::uint32_t sequence = 0, std::uint8_t from_responder = 1) {
    StoredPacket made;
    made.flow = {flow, 1};
    made.time_ns = time_ns;
    made.payload_at = 4;
    made.payload_length = static_cast<std::uint32_t>(payload.size());
    made.tcp_sequence = sequence;
    made.from_responder = from_responder;
    made.protocol = 6;
    made.frame = "head" + std::move(payload) + "tail";
    return made;
}

Packets pointers(std::vector<StoredPacket> made) {
    Packets packets;
    for (auto& one : made) packets.push_back(std::make_shared<const StoredPacket>(std::move(one)));
    return packets;
}

ChosenFlows chosen(std::initializer_list<std::uint64_t> flows) {
    ChosenFlows chosen;
    for (const auto flow : flows) chosen.keys[{flow, 1}] = 1;
    return chosen;
}

TEST(PacketStore, KeepsTheNewestBytes) {
    const std::size_t one = packet(1, 1, std::string(1000, 'x')).bytes();
    PacketStore store(10 * one);
    for (std::uint64_t i = 1; i <= 25; ++i) store.add(packet(i % 2, 100 + i, std::string(1000, 'x')));
    EXPECT_EQ(store.horizon_ns(), 115u);
    const auto odd = store.of(chosen({1}));
    ASSERT_EQ(odd.size(), 5u);
    EXPECT_EQ(odd.front()->time_ns, 117u);
    EXPECT_EQ(store.of(chosen({0, 1})).size(), 10u);
    EXPECT_TRUE(store.of(chosen({7})).empty());
    PacketStore none(0);
    none.add(packet(1, 1, "x"));
    EXPECT_TRUE(none.of(chosen({1})).empty());
}

const std::string answer_text =
    "HTTP/1.1 404 Not Found\r\nServer: x\r\n\r\n<html>nothing is here</html>" + std::string(400, 'y');

TEST(AnswerBytes, InAnyOrderAndTwice) {
    std::mt19937 random(7);
    for (int round = 0; round < 200; ++round) {
        const std::uint32_t begin =
            round % 2 == 0 ? 0xffffff00u + static_cast<std::uint32_t>(round) : random();
        std::vector<StoredPacket> made;
        for (std::size_t at = 0; at < answer_text.size();) {
            const std::size_t size = 1 + random() % 90;
            made.push_back(
                packet(1, 10, answer_text.substr(at, size), begin + static_cast<std::uint32_t>(at)));
            if (random() % 4 == 0) made.push_back(made.back());
            at += std::max<std::size_t>(1, size - random() % 3);
        }
        std::shuffle(made.begin(), made.end(), random);
        const auto answer = answer_after(pointers(made), 10);
        EXPECT_EQ(answer.head, "HTTP/1.1 404 Not Found\r\nServer: x");
        EXPECT_TRUE(answer.head_is_whole);
        EXPECT_EQ(answer.body, answer_text.substr(answer_text.find("<html>"), answer_body_max));
    }
}

TEST(AnswerBytes, UpToTheFirstMissingByte) {
    const auto answer = answer_after(
        pointers({packet(1, 10, "HTTP/1.0 200 OK\r\n\r\nabc", 100), packet(1, 11, "later", 130)}), 0);
    EXPECT_EQ(answer.body, "abc");
}

TEST(AnswerBytes, AfterTheRequestAlone) {
    const auto packets =
        pointers({packet(1, 10, "HTTP/1.0 200 OK\r\n\r\nbefore", 100), packet(1, 20, "GET /b", 500, 0),
                  packet(1, 30, "HTTP/1.0 404 No\r\n\r\nafter", 127)});
    EXPECT_EQ(answer_after(packets, 20).body, "after");
    EXPECT_EQ(answer_after(packets, 31).body, "");
}

TEST(AnswerBytes, InterimAnswersAreNotTheAnswer) {
    const auto answer = answer_after(
        pointers({packet(1, 10, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n\r\nx")}), 0);
    EXPECT_EQ(answer.head, "HTTP/1.1 201 Created");
    EXPECT_EQ(answer.body, "x");
}

TEST(AnswerBytes, LongAndUnfinishedHeads) {
    const std::string head = "HTTP/1.1 200 OK\r\nX: " + std::string(3000, 'x');
    const auto cut = answer_after(pointers({packet(1, 10, head)}), 0);
    EXPECT_EQ(cut.head, head.substr(0, answer_head_max));
    EXPECT_FALSE(cut.head_is_whole);
    EXPECT_EQ(cut.body, "");
    const auto whole = answer_after(pointers({packet(1, 10, head + "\r\n\r\nbody")}), 0);
    EXPECT_FALSE(whole.head_is_whole);
    EXPECT_EQ(whole.body, "body");
}

TEST(AnswerBytes, DatagramsAreTakenAsTheyCome) {
    auto first = packet(1, 10, "one");
    auto second = packet(1, 11, "two");
    first.protocol = second.protocol = 17;
    EXPECT_EQ(answer_after(pointers({first, second}), 0).body, "one");
    EXPECT_EQ(answer_after({}, 0).body, "");
}

}  // namespace
}  // namespace picket::store
