#include "bench/tool/traffic_source.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <set>
#include <tuple>

#include "bench/tool/worker_rig.h"
#include "dataplane/http/message_head.h"
#include "dataplane/parse/parse_frame.h"

namespace picket::bench {
namespace {

std::shared_ptr<const RequestTexts> texts() {
    static const auto shared = std::make_shared<const RequestTexts>(request_texts(built_in_uris(64)));
    return shared;
}

RowSettings settings(Mix mix, std::uint64_t flows = 64) {
    RowSettings row;
    row.mix = mix;
    row.flows = flows;
    row.requests = mix == Mix::web ? 0.1 : 0;
    return row;
}

struct Tally {
    std::uint64_t frames = 0;
    std::uint64_t bytes = 0;
    std::uint64_t requests = 0;
    std::uint64_t ipv6 = 0;
    std::map<unsigned, std::uint64_t> protocols;
    std::set<std::uint64_t> flows;  // hashes of their keys
};

Tally tally(const RowSettings& row, unsigned count) {
    TrafficSource source(row, population_of(row), texts(), 1);
    Tally tally;
    std::array<std::uint8_t, 2048> bytes{};
    for (unsigned i = 0; i < count; ++i) {
        rx::Frame frame;
        frame.data = bytes.data();
        frame.wire_length = static_cast<std::uint32_t>(source.next(bytes.data()));
        frame.captured_length = frame.wire_length;
        EXPECT_GE(frame.wire_length, frame_bytes_min);
        EXPECT_LE(frame.wire_length, frame_bytes_max);
        parse::Packet packet;
        EXPECT_FALSE(parse::parse_frame(frame, {}, bench_hash(), packet).has_value());
        ++tally.frames;
        tally.bytes += frame.wire_length + 4;
        tally.ipv6 += packet.ipv6 != nullptr ? 1 : 0;
        ++tally.protocols[packet.key.protocol];
        tally.flows.insert(bench_hash()(packet.key));
        const std::string_view payload(reinterpret_cast<const char*>(packet.payload),
                                       packet.payload_captured);
        tally.requests += payload.starts_with("GET /") ? 1 : 0;
    }
    return tally;
}

TEST(TrafficSource, smallest_frames_are_half_udp_half_tcp) {
    const Tally seen = tally(settings(Mix::min64), 4000);
    EXPECT_EQ(seen.bytes, 4000u * 64);
    EXPECT_EQ(seen.flows.size(), 64u);
    EXPECT_NEAR(static_cast<double>(seen.protocols.at(6)), 2000, 200);
    EXPECT_NEAR(static_cast<double>(seen.protocols.at(17)), 2000, 200);
}

TEST(TrafficSource, imix_has_its_mean) {
    const Tally seen = tally(settings(Mix::imix), 20'000);
    EXPECT_NEAR(static_cast<double>(seen.bytes) / 20'000, (7 * 64 + 4 * 594 + 1518) / 12.0, 10);
}

TEST(TrafficSource, web_has_its_mean_and_its_requests) {
    const Tally seen = tally(settings(Mix::web), 20'000);
    EXPECT_NEAR(static_cast<double>(seen.bytes) / 20'000, 640, 20);
    EXPECT_NEAR(static_cast<double>(seen.requests) / 20'000, 0.1, 0.02);
    EXPECT_EQ(seen.protocols.size(), 1u);
}

TEST(TrafficSource, ipv6_is_a_share_of_the_flows) {
    RowSettings row = settings(Mix::min64, 10'000);
    row.ipv6 = 0.3;
    EXPECT_NEAR(static_cast<double>(tally(row, 20'000).ipv6) / 20'000, 0.3, 0.03);
}

TEST(TrafficSource, requests_in_a_mix_of_datagrams_go_over_tcp) {
    RowSettings row = settings(Mix::min64);
    row.requests = 0.2;
    EXPECT_NEAR(static_cast<double>(tally(row, 20'000).requests) / 20'000, 0.2, 0.02);
}

TEST(TrafficSource, new_flows_are_their_share) {
    RowSettings row = settings(Mix::min64, 1000);
    row.new_flows_share = 0.05;
    const Tally seen = tally(row, 20'000);
    EXPECT_NEAR(static_cast<double>(seen.flows.size()), 20'000 * 0.05 + 556, 150);
}

// What the tool counts is what the pipeline saw: segments without gaps, every flow begun once.
TEST(TrafficSource, the_pipeline_sees_what_was_meant) {
    for (const Mix mix : {Mix::min64, Mix::imix, Mix::web}) {
        steer::Mesh mesh(1, 1 << 16);
        const RowSettings row = settings(mix, 500);
        const Shared shared{row, population_of(row), TscClock(), texts(), nullptr, &mesh};
        WorkerRig rig(shared, 0);
        rig.begin_flows();
        const Slice slice = rig.run(0.02);
        rig.pipeline().publish();
        const api::WorkerCounters& counters = rig.pipeline().counters();
        const api::PortAudit& audit = rig.area().ports[0];
        EXPECT_EQ(audit.received, audit.in_flows);
        EXPECT_EQ(counters.flows_active, 500u);
        EXPECT_EQ(counters.flows_created, 500u);
        EXPECT_GE(audit.received, slice.packets);
        if (mix == Mix::web) {
            EXPECT_NEAR(static_cast<double>(slice.requests) / static_cast<double>(slice.packets), 0.1, 0.03);
            EXPECT_GT(counters.http_responses, 0u);
        }
    }
}

}  // namespace
}  // namespace picket::bench
