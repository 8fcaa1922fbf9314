// What the archive relies on to leave first payloads unread: the history of a TCP flow tells of each, on the
// side that sent it, however often a flow turned out to have begun at its other end, and in every part.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>

#include "tests/support/flow_harness.h"

namespace picket {
namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;

TEST(HistoryProperty, TellsOfEachFirstPayload) {
    std::size_t told = 0;
    std::size_t turned = 0;
    std::size_t cut = 0;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        std::mt19937_64 random(seed);
        testing::FlowHarness harness;
        std::uint64_t now = 1'000'000 * second_ns;
        for (unsigned i = 0; i < 500; ++i) {
            now += random() % (10 * second_ns);
            const auto port = static_cast<std::uint16_t>(1024 + random() % 4);
            const auto flags = static_cast<std::uint8_t>(random() % 32);  // of FIN, SYN, RST, PSH, ACK
            testing::PacketBuilder builder;
            builder.ethernet();
            if (random() % 2 == 0) {
                builder.ipv4("10.0.0.1", "10.0.0.2").tcp(port, 80, {.flags = flags});
            } else {
                builder.ipv4("10.0.0.2", "10.0.0.1").tcp(80, port, {.flags = flags});
            }
            harness.feed(builder.payload(std::string(random() % 3, 'x')), now);
        }
        for (const auto& record : harness.finish(now)) {
            const std::string_view history(record.history.data());
            const bool first = history.find('D') != std::string_view::npos;
            const bool answer = history.find('d') != std::string_view::npos;
            EXPECT_EQ(record.directions[0].payload_first_length > 0, first) << seed;
            EXPECT_EQ(record.directions[1].payload_first_length > 0, answer) << seed;
            told += answer ? 1 : 0;
            turned += (record.flags & api::flow_direction_revised) != 0 ? 1 : 0;
            cut += record.part > 1 ? 1 : 0;
        }
    }
    EXPECT_GT(told, 100U);
    EXPECT_GT(turned, 100U);
    EXPECT_GT(cut, 100U);
}

}  // namespace
}  // namespace picket
