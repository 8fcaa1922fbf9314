// Floods of everything that a worker keeps something of, through its whole pipeline, around a thousand
// connections with real requests: memory stays constant, what gives way is counted, and of the thousand every
// record, request and answer is exact.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <new>

#include "tests/support/fragment_harness.h"
#include "tests/support/pipeline_harness.h"

namespace {

bool counting = false;
std::size_t allocations = 0;

}  // namespace

[[gnu::noinline]] void* operator new(std::size_t size) {
    if (counting) ++allocations;
    if (void* memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t /*size*/) noexcept {
    std::free(memory);
}

namespace picket {
namespace {

using testing::OwnedFrame;
using testing::PacketBuilder;
using testing::PipelineHarness;
using testing::second_ns;

constexpr std::size_t connections = 1000;
constexpr std::size_t bursts = 2000;
constexpr std::size_t flood_a_burst = 40;  // packets, about
constexpr std::size_t flow_capacity = 65'536;

PipelineSettings live_settings() {
    PipelineSettings settings;
    settings.flow.capacity = flow_capacity;
    settings.flow.fold_above_share = 0.9;
    settings.http = {.states = 1024, .assemblies = 256, .head_bytes = 2048, .held_pieces = 512};
    settings.fragments = {.datagrams = 256, .bytes = 1 << 20, .held = 512};
    return settings;
}

// Pages of the process that are in memory.
std::size_t resident_pages() {
    std::size_t size = 0;
    std::size_t resident = 0;
    if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
        if (std::fscanf(file, "%zu %zu", &size, &resident) != 2) resident = 0;
        std::fclose(file);
    }
    return resident;
}

// Address and port of one end, as text: which of the flood or the town a packet is.
std::string address(unsigned net, std::size_t number) {
    return std::to_string(net) + '.' + std::to_string(number >> 16 & 255) + '.' +
           std::to_string(number >> 8 & 255) + '.' + std::to_string(number & 255);
}

class Worker {
  public:
    Worker() : harness(live_settings(), nullptr, std::size_t{1} << 25) {}

    void send(const PacketBuilder& builder) {
        OwnedFrame& owned = burst_.emplace_back(builder.bytes(), time_ns += 1000);
        owned.frame.sequence = ++sent;
        if (burst_.size() == burst_max) run();
    }
    // What was sent so far, with nothing else in between that could allocate.
    void run() {
        if (burst_.empty()) return;
        std::vector<rx::Frame> frames;
        for (const auto& owned : burst_) frames.push_back(owned.frame);
        const std::size_t before = resident_pages();
        counting = true;
        harness.pipeline.process(frames, Pipeline::Origin::queue);
        harness.pipeline.housekeep(time_ns);
        counting = false;
        grown_pages += static_cast<std::ptrdiff_t>(resident_pages() - before);
        harness.drain();
        burst_.clear();
    }
    [[nodiscard]] const api::WorkerCounters& counters() const { return harness.area.counters; }

    PipelineHarness harness;
    std::uint64_t time_ns = second_ns;
    std::uint64_t sent = 0;
    std::ptrdiff_t grown_pages = 0;  // while the pipeline ran

  private:
    std::vector<OwnedFrame> burst_;
};

// A client and its server, and what they have sent.
class Talk {
  public:
    explicit Talk(std::size_t number) : client_(address(10, number)) {}

    void open(Worker& worker) {
        send(worker, 0, {}, parse::tcp_syn);
        send(worker, 1, {}, parse::tcp_syn | parse::tcp_ack);
        send(worker, 0, {}, parse::tcp_ack);
    }
    // A request in three parts, of which the last comes first: whole only some bursts later.
    void ask(Worker& worker, unsigned part) {
        const std::string text =
            "GET /living/" + std::to_string(asked) + " HTTP/1.1\r\nHost: town.example\r\n\r\n";
        const std::size_t third = text.size() / 3;
        const std::size_t order[] = {2, 0, 1};
        const std::size_t at = order[part] * third;
        const std::string piece = text.substr(at, order[part] == 2 ? text.npos : third);
        send(worker, 0, piece, parse::tcp_psh | parse::tcp_ack, static_cast<std::uint32_t>(at));
        if (part != 2) return;
        next_[0] += static_cast<std::uint32_t>(text.size());
        ++asked;
    }
    void answer(Worker& worker) {
        const std::string text = "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabc";
        send(worker, 1, text, parse::tcp_psh | parse::tcp_ack);
        next_[1] += static_cast<std::uint32_t>(text.size());
    }

    std::size_t asked = 0;
    std::array<std::uint64_t, 2> packets{};  // of the client, of the server
    std::array<std::uint64_t, 2> bytes{};

  private:
    void send(Worker& worker, unsigned side, std::string_view payload, std::uint8_t flags,
              std::uint32_t at = 0) {
        const testing::TcpFields fields{flags, next_[side] + at, next_[1 - side]};
        auto builder = PacketBuilder().ethernet();
        if (side == 0) {
            builder.ipv4(client_.c_str(), "203.0.113.80").tcp(4000, 80, fields);
        } else {
            builder.ipv4("203.0.113.80", client_.c_str()).tcp(80, 4000, fields);
        }
        worker.send(builder.payload(payload));
        ++packets[side];
        bytes[side] += 40 + payload.size();
        next_[side] += (flags & parse::tcp_syn) != 0 ? 1 : 0;
    }

    std::string client_;
    std::array<std::uint32_t, 2> next_{1000, 9000};
};

class Town {
  public:
    explicit Town(Worker& worker) : worker_(&worker) {
        for (std::size_t i = 0; i < connections; ++i) talks_.emplace_back(i);
        for (auto& talk : talks_) talk.open(worker);
    }
    // A few of them say something: a part of a request, whose other parts come in the next calls.
    void step() {
        constexpr std::size_t at_once = 8;
        for (std::size_t i = 0; i < at_once; ++i) {
            Talk& talk = talks_[(at_ + i) % talks_.size()];
            if (phase_ < 3) {
                talk.ask(*worker_, phase_);
            } else {
                talk.answer(*worker_);
            }
        }
        phase_ = (phase_ + 1) % 4;
        if (phase_ == 0) at_ += at_once;
    }
    void finish_words() {
        while (phase_ != 0) step();
    }

    // REQUIRES: the worker has ended all flows.
    void expect_exact(const PipelineHarness& seen) const {
        std::map<std::string, const Talk*> by_client;
        for (std::size_t i = 0; i < talks_.size(); ++i) by_client[address(10, i)] = &talks_[i];
        std::map<std::string, std::size_t> requests;
        for (const auto& request : seen.requests) {
            if (!request.uri.starts_with("/living/")) continue;
            const std::string client = text_of(request.event.ends.client);
            EXPECT_EQ(request.uri, "/living/" + std::to_string(requests[client]++));
        }
        std::map<std::string, std::size_t> answers;
        for (const auto& response : seen.responses) {
            const std::string client = text_of(response.event.ends.client);
            EXPECT_EQ(response.event.request, answers[client]++);
            EXPECT_EQ(response.event.status, 404);
        }
        std::size_t records = 0;
        for (const auto& flow : seen.flows) {
            const auto found = by_client.find(text_of(flow.source));
            if (found == by_client.end()) continue;
            const Talk& talk = *found->second;
            for (const unsigned side : {0u, 1u}) {
                EXPECT_EQ(flow.directions[side].packets, talk.packets[side]);
                EXPECT_EQ(flow.directions[side].bytes, talk.bytes[side]);
            }
            EXPECT_EQ(flow.requests, talk.asked);
            EXPECT_EQ(requests[found->first], talk.asked);
            EXPECT_EQ(answers[found->first], talk.asked);
            ++records;
        }
        EXPECT_EQ(records, connections);
    }

  private:
    static std::string text_of(const api::Address& address) {
        const auto* b = address.bytes.data() + 12;
        return std::to_string(b[0]) + '.' + std::to_string(b[1]) + '.' + std::to_string(b[2]) + '.' +
               std::to_string(b[3]);
    }

    Worker* worker_;
    std::vector<Talk> talks_;
    std::size_t at_ = 0;
    unsigned phase_ = 0;
};

using Flood = std::function<void(Worker&, std::size_t number)>;

// Fragments whose first one never comes.
void headless_fragments(Worker& worker, std::size_t number) {
    worker.send(PacketBuilder()
                    .ethernet()
                    .ipv4(address(20, number % 5000).c_str(), "198.51.100.1",
                          {.id = static_cast<std::uint16_t>(number), .fragment = 0x2001})
                    .protocol(parse::protocol_udp)
                    .payload(std::string(64, 'f')));
}

// Datagrams of which the first fragment comes, and of the rest so much that their bytes take all the room.
void endless_datagrams(Worker& worker, std::size_t number) {
    const auto id = static_cast<std::uint16_t>(number / 8);
    const std::size_t part = number % 8;
    const auto offset = static_cast<std::uint16_t>(part * 1000);
    auto builder =
        PacketBuilder().ethernet().ipv4(address(21, id % 5000).c_str(), "198.51.100.1",
                                        {.id = id, .fragment = static_cast<std::uint16_t>(0x2000 | offset)});
    if (part == 0) {
        worker.send(builder.udp(5000, 53).payload(std::string(1392, 'f')));
    } else {
        worker.send(builder.protocol(parse::protocol_udp).payload(std::string(1400, 'f')));
    }
}

// The bytes of a connection of the flood.
void flood_segment(Worker& worker, std::size_t number, unsigned net, std::uint32_t sequence,
                   std::uint8_t flags, std::string_view text) {
    worker.send(PacketBuilder()
                    .ethernet()
                    .ipv4(address(net, number).c_str(), "198.51.100.2")
                    .tcp(4000, 80, {flags, sequence, 0})
                    .payload(text));
}

// Requests that never end, each in a connection of its own, and then more and more header lines of them.
void half_requests(Worker& worker, std::size_t number) {
    constexpr std::size_t of_one = 4;
    static const std::string line = "X-Flood: " + std::string(300, 'f') + "\r\n";
    const std::size_t part = number % of_one;
    if (part == 0) {
        flood_segment(worker, number / of_one, 22, 1000, parse::tcp_ack, "GET /flood HTTP/1.1\r\n");
    } else {
        const auto at = static_cast<std::uint32_t>(1021 + (part - 1) * line.size());
        flood_segment(worker, number / of_one, 22, at, parse::tcp_ack, line);
    }
}

// Segments that wait for a first byte which never comes.
void segments_beyond_a_gap(Worker& worker, std::size_t number) {
    constexpr std::size_t of_one = 4;
    static const std::string text(1400, 'f');
    const std::size_t part = number % of_one;
    if (part == 0) {
        flood_segment(worker, number / of_one, 23, 999, parse::tcp_syn, {});
    } else {
        const auto at = static_cast<std::uint32_t>(1000 + part * 2000);
        flood_segment(worker, number / of_one, 23, at, parse::tcp_ack, text);
    }
}

// One-packet flows.
void single_packets(Worker& worker, std::size_t number) {
    flood_segment(worker, number, 24, 1, parse::tcp_syn, {});
}

void everything(Worker& worker, std::size_t number) {
    const std::array<void (*)(Worker&, std::size_t), 5> floods{
        headless_fragments, endless_datagrams, half_requests, segments_beyond_a_gap, single_packets};
    // Each counts for itself, so that every flood goes on where it was.
    floods[number % floods.size()](worker, number / floods.size());
}

// What was pushed out, as counted at the end.
using Evicted = std::function<std::uint64_t(const Worker&)>;

void flood_around_a_town(const Flood& flood, const Evicted& evicted, std::uint64_t evicted_min) {
    Worker worker;
    Town town(worker);
    worker.run();
    std::size_t number = 0;
    std::ptrdiff_t grown_half = 0;
    for (std::size_t burst = 0; burst < bursts; ++burst) {
        if (burst == bursts / 2) grown_half = worker.grown_pages;
        for (std::size_t i = 0; i < flood_a_burst; ++i) flood(worker, number++);
        town.step();
        worker.run();
        ASSERT_LE(worker.harness.area.ports[0].held, live_settings().fragments.held);
        ASSERT_LE(worker.counters().http_states_active, live_settings().http.states);
        ASSERT_LE(worker.counters().flows_active, flow_capacity);
    }
    town.finish_words();
    worker.run();
    EXPECT_EQ(allocations, 0u);
    // The first half touches every pool's memory. 4 MiB: a hundred bytes a packet of the flood were more; the
    // sanitizer has a shadow of the flow table that goes on growing.
    EXPECT_LE(worker.grown_pages - grown_half, 1024);
    EXPECT_GE(evicted(worker), evicted_min);

    worker.harness.finish(worker.time_ns);
    town.expect_exact(worker.harness);
    const api::PortAudit& audit = worker.harness.area.ports[0];
    std::uint64_t all = audit.in_flows;
    for (const std::uint64_t count : audit.outcomes) all += count;
    EXPECT_EQ(audit.received, worker.sent);
    EXPECT_EQ(all, worker.sent);
    EXPECT_EQ(audit.held, 0u);
    EXPECT_EQ(worker.counters().http_states_active, 0u);
    for (const std::uint64_t dropped : worker.counters().events_dropped) EXPECT_EQ(dropped, 0u);
}

constexpr std::uint64_t flood_packets = bursts * flood_a_burst;

TEST(Floods, OfFragmentsWithoutTheFirst) {
    flood_around_a_town(
        headless_fragments, [](const Worker& worker) { return worker.counters().fragments_evicted; },
        flood_packets - 512);
}

TEST(Floods, OfDatagramsWithoutEnd) {
    flood_around_a_town(
        endless_datagrams, [](const Worker& worker) { return worker.counters().fragments_evicted; },
        flood_packets - 256 * 8);
}

TEST(Floods, OfHalfRequests) {
    flood_around_a_town(
        half_requests, [](const Worker& worker) { return worker.counters().http_states_exhausted; },
        flood_packets / 4 - 1024);
}

TEST(Floods, OfSegmentsBeyondAGap) {
    flood_around_a_town(
        segments_beyond_a_gap, [](const Worker& worker) { return worker.counters().http_states_exhausted; },
        flood_packets / 4 - 1024);
}

TEST(Floods, OfOnePacketFlows) {
    flood_around_a_town(
        single_packets, [](const Worker& worker) { return worker.counters().folded_packets; },
        flood_packets - flow_capacity);
}

TEST(Floods, OfEverythingAtOnce) {
    flood_around_a_town(
        everything,
        [](const Worker& worker) {
            return std::min(worker.counters().fragments_evicted, worker.counters().http_states_exhausted);
        },
        5000);
}

}  // namespace
}  // namespace picket
