// The flow stage against an obvious model: a plain map and plain loops, under random packets, times,
// capacities and burst sizes. Every record of one must be a record of the other.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <tuple>

#include "tests/support/flow_harness.h"

namespace picket {
namespace {

using testing::second_ns;

struct ModelFlow {
    std::uint64_t id = 0, first = 0, part_start = 0;
    std::uint32_t part = 1;
    std::uint64_t last = 0;
    std::array<std::uint64_t, 2> packets{}, bytes{}, first_of{}, last_of{};
};

// (id, part, final, packets, bytes, first and last of each side), side of the initiator first
using Row = std::tuple<std::uint64_t, std::uint32_t, int, std::uint64_t, std::uint64_t, std::uint64_t,
                       std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t>;

struct Event {
    std::uint16_t port;  // which flow
    bool back;
    std::uint64_t time_ns;
    std::uint32_t size;
};

constexpr std::uint64_t idle_ns = 15 * second_ns;
constexpr std::uint64_t active_ns = 120 * second_ns;

Row row_of(const ModelFlow& flow, bool final) {
    return {flow.id,          flow.part,       final ? 1 : 0,  flow.packets[0],
            flow.packets[1],  flow.bytes[0],   flow.bytes[1],  flow.first_of[0],
            flow.first_of[1], flow.last_of[0], flow.last_of[1]};
}

// What the flow stage is made with. A fixed table refuses what would begin a flow beyond its capacity.
struct Room {
    std::size_t capacity;
    bool fixed;
};

struct Outcome {
    std::vector<Row> rows;
    std::size_t refused = 0;

    bool operator==(const Outcome&) const = default;
};

Outcome model(const std::vector<Event>& events, const Room& room) {
    std::map<std::uint16_t, std::pair<ModelFlow, bool>> flows;  // and whether `back` is the initiator
    Outcome outcome;
    auto& rows = outcome.rows;
    for (std::size_t i = 0; i < events.size(); ++i) {
        const Event& event = events[i];
        auto found = flows.find(event.port);
        if (found != flows.end()) {
            ModelFlow& flow = found->second.first;
            const std::uint64_t distance =
                event.time_ns > flow.last ? event.time_ns - flow.last : flow.last - event.time_ns;
            if (distance > idle_ns) {
                rows.push_back(row_of(flow, true));
                flows.erase(found);
                found = flows.end();
            } else if (event.time_ns > flow.part_start && event.time_ns - flow.part_start > active_ns) {
                rows.push_back(row_of(flow, false));
                ++flow.part;
                flow.part_start = event.time_ns;
                flow.packets = {};
                flow.bytes = {};
            }
        }
        if (found == flows.end() && room.fixed && flows.size() == room.capacity) {
            ++outcome.refused;
            continue;
        }
        if (found == flows.end()) {
            ModelFlow flow;
            flow.id = i + 1;
            flow.first = flow.part_start = event.time_ns;
            found = flows.emplace(event.port, std::pair{flow, event.back}).first;
        }
        auto& [flow, initiator_back] = found->second;
        const unsigned side = event.back == initiator_back ? 0 : 1;
        flow.last = std::max(flow.last, event.time_ns);
        ++flow.packets[side];
        flow.bytes[side] += 28 + event.size;
        if (flow.first_of[side] == 0) flow.first_of[side] = event.time_ns;
        flow.last_of[side] = std::max(flow.last_of[side], event.time_ns);
    }
    for (const auto& [port, entry] : flows) rows.push_back(row_of(entry.first, true));
    std::sort(rows.begin(), rows.end());
    return outcome;
}

// A fixed table whose wheel turns would have room at times that the model does not know: it does not turn.
Outcome product(const std::vector<Event>& events, const Room& room, std::mt19937_64& random) {
    testing::RecordCollector collector;
    Outcome outcome;
    auto settings = testing::FlowHarness::replay_settings();
    settings.capacity = room.capacity;
    settings.fixed = room.fixed;
    flow::FlowTracker tracker(settings, testing::test_hash, collector);
    // The least time of what is still to come, as the capture reader knows it.
    std::vector<std::uint64_t> future(events.size() + 1, UINT64_MAX);
    for (std::size_t i = events.size(); i-- > 0;) future[i] = std::min(future[i + 1], events[i].time_ns);
    for (std::size_t at = 0; at < events.size();) {
        const std::size_t burst = std::min<std::size_t>(1 + random() % 64, events.size() - at);
        std::vector<testing::OwnedFrame> frames;
        std::vector<parse::Packet> packets(burst);
        std::vector<flow::Tracked> results(burst);
        for (std::size_t i = 0; i < burst; ++i) {
            const Event& event = events[at + i];
            auto builder = testing::PacketBuilder().ethernet();
            if (event.back) {
                builder.ipv4("10.0.0.2", "10.0.0.1").udp(53, event.port);
            } else {
                builder.ipv4("10.0.0.1", "10.0.0.2").udp(event.port, 53);
            }
            frames.emplace_back(builder.payload(std::string(event.size, 'x')).bytes(), event.time_ns);
            EXPECT_FALSE(parse::parse_frame(frames.back().frame, {}, testing::test_hash, packets[i]));
            packets[i].hash = testing::test_hash(packets[i].key);
            packets[i].sequence = at + i;
        }
        for (std::size_t done = 0; done < burst;) {
            done += tracker.track(std::span(packets).subspan(done), std::span(results).subspan(done));
        }
        at += burst;
        outcome.refused += static_cast<std::size_t>(std::ranges::count_if(
            results, [](const flow::Tracked& result) { return result.cold == flow::no_index; }));
        if (!room.fixed && random() % 2 == 0 && future[at] != UINT64_MAX) tracker.turn_wheel(future[at]);
    }
    tracker.end_all(events.back().time_ns, false);
    auto& rows = outcome.rows;
    for (const auto& record : collector.records) {
        const auto& there = record.directions[0];
        const auto& back = record.directions[1];
        rows.push_back({record.flow_id, record.part, record.final, there.packets, back.packets, there.bytes,
                        back.bytes, there.first_ns, back.first_ns, there.last_ns, back.last_ns});
    }
    std::sort(rows.begin(), rows.end());
    return outcome;
}

std::vector<Event> random_events(std::mt19937_64& random) {
    const auto ports = static_cast<unsigned>(1 + random() % 400);
    const std::uint64_t step_ns = second_ns / 1000 << random() % 14;
    std::vector<Event> events(2000);
    std::uint64_t now = 1'000'000 * second_ns;
    for (auto& event : events) {
        now += random() % step_ns;
        if (random() % 500 == 0) now += 400 * second_ns * (random() % 3);  // a jump, of years as well
        const std::uint64_t disorder = random() % 8 == 0 ? random() % (20 * second_ns) : 0;
        event = {static_cast<std::uint16_t>(1024 + random() % ports), random() % 3 == 0, now - disorder,
                 static_cast<std::uint32_t>(random() % 200)};
    }
    return events;
}

void expect_agreement(const std::vector<Event>& events, const Room& room, std::mt19937_64& random,
                      std::uint64_t seed) {
    const auto expected = model(events, room);
    const auto found = product(events, room, random);
    const auto [at_expected, at_found] =
        std::mismatch(expected.rows.begin(), expected.rows.end(), found.rows.begin(), found.rows.end());
    ASSERT_EQ(std::vector(at_expected, std::min(expected.rows.end(), at_expected + 2)),
              std::vector(at_found, std::min(found.rows.end(), at_found + 2)))
        << "seed " << seed;
    ASSERT_EQ(expected.refused, found.refused) << "seed " << seed;
}

TEST(FlowTableProperty, AgreesWithAPlainMap) {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        std::mt19937_64 random(seed);
        const auto events = random_events(random);
        expect_agreement(events, {std::size_t{1} << random() % 9, false}, random, seed);
    }
}

TEST(FlowTableProperty, AFixedTableRefusesWhatAFullMapWould) {
    std::size_t refused = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        std::mt19937_64 random(seed);
        const auto events = random_events(random);
        const Room room{1 + random() % 300, true};
        expect_agreement(events, room, random, seed);
        refused += model(events, room).refused;
    }
    EXPECT_GT(refused, 1000u);
}

}  // namespace
}  // namespace picket
