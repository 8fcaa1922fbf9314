// What a report says without the flows being kept.
#include "controlplane/detect/replay_summary.h"

#include <gtest/gtest.h>

namespace picket::detect {
namespace {

api::FlowRecord record(std::uint8_t host, std::uint32_t part, std::uint8_t protocol = 6) {
    api::FlowRecord result;
    result.source.bytes[15] = host;
    result.part = part;
    result.protocol = protocol;
    result.start_ns = 1000;
    result.part_last_ns = 2000 * part;
    result.directions[0].packets = 1;
    result.directions[0].bytes = 100U * host;
    return result;
}

TEST(ReplaySummary, DistinctFlowsTalkersProtocols) {
    ReplaySummary summary;
    const std::vector<api::FlowRecord> records{record(1, 1), record(1, 2), record(2, 1, 17),
                                               record(3, 1, 17)};
    std::vector<const api::FlowRecord*> pointers;
    for (const auto& each : records) pointers.push_back(&each);
    summary.add_flows(pointers, 5);
    EXPECT_EQ(summary.flows(), 3U);
    const auto talkers = summary.talkers(2);
    ASSERT_EQ(talkers.size(), 2U);
    EXPECT_EQ(talkers[0].address.bytes[15], 3);
    EXPECT_EQ(talkers[1].bytes, 200U);
    EXPECT_EQ(talkers[0].first_ns, 1005U);
    const auto protocols = summary.protocols();
    ASSERT_EQ(protocols.size(), 2U);
    EXPECT_EQ(protocols[0].protocol, 6);
    EXPECT_EQ(protocols[0].flows, 1U);
    EXPECT_EQ(protocols[0].packets, 2U);
    EXPECT_EQ(protocols[1].flows, 2U);
}

TEST(ReplaySummary, WorkersAreDoneOnce) {
    ReplaySummary summary;
    summary.add_input_done(1);
    summary.add_input_done(1);
    summary.add_input_done(60'000);
    EXPECT_EQ(summary.workers_done(), 1U);
}

}  // namespace
}  // namespace picket::detect
