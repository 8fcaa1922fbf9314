// Keeping, throwing away and adding up.
#include "controlplane/store/flow_store.h"

#include <gtest/gtest.h>

#include "tests/unit/store/store_fixtures.h"

namespace picket::store {
namespace {

using tests::flow;
using tests::part;
using tests::second_ns;

std::vector<StoredFlow> parts_of(const FlowStore& store) {
    std::vector<StoredFlow> parts;
    store.snapshot()->for_each_part([&](const StoredFlow& stored) { parts.push_back(stored); });
    return parts;
}

TEST(FlowStore, SnapshotDoesNotSeeWhatComesLater) {
    FlowStore store(10'000);
    store.append(std::vector<StoredFlow>{flow(1)});
    const auto before = store.snapshot();
    store.append(std::vector<StoredFlow>{flow(2)});
    int seen = 0;
    before->for_each_part([&](const StoredFlow&) { ++seen; });
    EXPECT_EQ(seen, 1);
    EXPECT_EQ(parts_of(store).size(), 2U);
    EXPECT_EQ(before->horizon_ns(), 0U);
}

TEST(FlowStore, OldestAreThrownAwayAndTheHorizonSaysSo) {
    FlowStore store(2 * FlowStore::chunk_parts);
    for (std::uint64_t id = 1; id <= 5 * FlowStore::chunk_parts; ++id) {
        store.append(std::vector<StoredFlow>{flow(id, "10.0.0.1", "10.0.0.2", id)});
    }
    const auto parts = parts_of(store);
    EXPECT_LE(parts.size(), 3 * FlowStore::chunk_parts);
    EXPECT_EQ(parts.back().id, 5 * FlowStore::chunk_parts);
    const std::uint64_t oldest = parts.front().start_ns;
    EXPECT_EQ(store.snapshot()->horizon_ns(), oldest);  // the flow before ended a second after its start
}

TEST(FlowStore, LongFlowsKeepTheirTotals) {
    FlowStore store(FlowStore::chunk_parts);
    store.append(std::vector<StoredFlow>{part(flow(7), 1, false)});
    for (std::uint64_t id = 100; id < 100 + 3 * FlowStore::chunk_parts; ++id) {
        store.append(std::vector<StoredFlow>{flow(id)});
    }
    store.append(std::vector<StoredFlow>{part(flow(7), 2, true)});
    StoredFlow total;
    for (const auto& stored : parts_of(store)) {
        if (stored.id != 7) continue;
        if (total.id == 0) {
            total = stored;
        } else {
            add_part(total, stored);
        }
    }
    EXPECT_EQ(total.packets(), 6U);
    EXPECT_EQ(total.bytes(), 300U);
}

TEST(FlowStore, KeepsNothingIfToldSo) {
    FlowStore store(0);
    store.append(std::vector<StoredFlow>{flow(1)});
    EXPECT_TRUE(parts_of(store).empty());
}

TEST(StoredFlow, PartsAddUpInAnyOrder) {
    auto first = part(flow(1), 1, false);
    auto second = part(flow(1), 2, false);
    auto third = part(flow(1), 3, true);
    first.directions[0].lost_bytes = 5;
    third.directions[0].lost_bytes = 9;  // of the whole flow so far
    second.directions[0].tcp_flags_union = 0x10;
    third.state = api::ConnState::rsto;
    StoredFlow forwards = first;
    add_part(forwards, second);
    add_part(forwards, third);
    StoredFlow backwards = third;
    add_part(backwards, second);
    add_part(backwards, first);
    for (const auto& total : {forwards, backwards}) {
        EXPECT_EQ(total.packets(), 9U);
        EXPECT_EQ(total.bytes(), 450U);
        EXPECT_EQ(total.part, 3U);
        EXPECT_EQ(total.final, 1);
        EXPECT_EQ(total.state, api::ConnState::rsto);
        EXPECT_EQ(total.lost_bytes(), 9U);
        EXPECT_EQ(total.start_ns, first.start_ns);
        EXPECT_EQ(total.last_ns, third.last_ns);
        EXPECT_EQ(total.directions[0].tcp_flags_union, 0x10);
    }
}

TEST(StoredFlow, APartSeenFromTheOtherEndIsTurned) {
    auto first = part(flow(1), 1, false);
    auto second = part(flow(1), 2, true);
    std::swap(first.source, first.destination);
    std::swap(first.source_port, first.destination_port);
    std::swap(first.directions[0], first.directions[1]);
    StoredFlow total = first;
    add_part(total, second);
    EXPECT_EQ(total.source, second.source);
    EXPECT_EQ(total.directions[0].packets, 4U);
    EXPECT_EQ(total.directions[1].packets, 2U);
}

// An address may talk to itself: then ports tell the ends apart, where they are known.
TEST(StoredFlow, APartOfAnAddressWithItselfIsTurnedByItsPorts) {
    const auto total_of = [](std::uint16_t source_port, std::uint16_t destination_port) {
        auto first = part(flow(1), 1, false);
        auto second = part(flow(1), 2, true);
        first.destination = second.destination = second.source = first.source;
        first.source_port = source_port;
        first.destination_port = destination_port;
        second.source_port = 4000;
        second.destination_port = 0;
        add_part(first, second);
        return first.directions[0].packets;
    };
    EXPECT_EQ(total_of(0, 4000), 3U) << "turned";
    EXPECT_EQ(total_of(4000, 0), 4U);
    EXPECT_EQ(total_of(0, 0), 4U) << "not known";
}

TEST(StoredFlow, RecordsWithNonsenseAreTamed) {
    api::FlowRecord record;
    record.flow_id = 1;
    record.start_ns = 5;
    record.end_reason = static_cast<api::EndReason>(200);
    record.state = static_cast<api::ConnState>(99);
    record.rule_count = 60'000;
    record.history.fill('S');
    record.directions[0].payload_first_length = 255;
    const auto stored = store_flow(record, 10, 3);
    EXPECT_EQ(stored.start_ns, 15U);
    EXPECT_EQ(stored.state, api::ConnState::oth);
    EXPECT_EQ(stored.rules_kept(), api::flow_rules_max);
    EXPECT_EQ(stored.directions[0].payload_first_length, 16);
    EXPECT_EQ(std::string_view(stored.history.data()).size(), 23U);
}

}  // namespace
}  // namespace picket::store
