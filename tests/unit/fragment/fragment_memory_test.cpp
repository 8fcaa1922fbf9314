// Whatever comes, nothing is allocated after construction.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <random>

#include "dataplane/fragment/fragment_stage.h"
#include "tests/support/fragment_harness.h"

namespace {
std::size_t allocations = 0;
}  // namespace

void* operator new(std::size_t size) {
    ++allocations;
    if (void* memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t /*size*/) noexcept {
    std::free(memory);
}

namespace picket {
namespace {

class Counter final : public fragment::FragmentSink {
  public:
    void pass(const parse::Packet& /*packet*/) noexcept override { ++passed; }
    void hold(const parse::Packet& /*packet*/) noexcept override { ++held; }
    void release(const parse::Packet& /*packet*/) noexcept override { ++passed, --held; }
    void tell_late(const parse::Packet& /*packet*/) noexcept override {}
    void flush() noexcept override {}
    std::uint64_t passed = 0;
    std::uint64_t held = 0;
};

// A flood of fragments that never become whole: the oldest make room, each is counted once.
TEST(FragmentMemory, StaysConstantUnderAFlood) {
    constexpr std::uint64_t packets = 300'000;
    const std::string bytes = testing::letters(1480);
    Counter sink;
    fragment::FragmentStage stage({}, testing::test_hash, sink);
    std::mt19937 random(4);
    parse::Packet packet;
    packet.flags = parse::packet_fragment;
    packet.key.protocol = parse::protocol_udp;
    packet.key.family = 4;
    const std::size_t before = allocations;
    for (std::uint64_t i = 0; i < packets; ++i) {
        packet.key.address_a = random() % 50;
        packet.time_ns = i * 1000;
        packet.fragment.id = random() % 65'536;
        packet.fragment.offset = static_cast<std::uint16_t>(random() % 9000 * 8);
        packet.fragment.length = static_cast<std::uint16_t>(random() % 186 * 8);
        packet.fragment.captured = packet.fragment.length;
        packet.fragment.more = random() % 4 != 0;
        packet.fragment.data = reinterpret_cast<const std::uint8_t*>(bytes.data());
        const bool later = packet.fragment.offset != 0;
        packet.flags =
            static_cast<std::uint8_t>(parse::packet_fragment | (later ? parse::packet_later_fragment : 0));
        stage.take(packet);
        if (i % 64 == 0) {
            stage.expire(packet.time_ns);
            stage.forget(packet.time_ns);
            stage.end_burst();
        }
    }
    EXPECT_EQ(allocations, before);
    EXPECT_EQ(sink.passed + sink.held, packets);
    EXPECT_LE(sink.held, fragment::FragmentSettings{}.held);
    api::WorkerCounters counters;
    stage.publish(counters);
    EXPECT_GT(counters.fragments_evicted, packets / 2);
    stage.give_up_all();
    EXPECT_EQ(sink.passed, packets);
    EXPECT_EQ(sink.held, 0u);
}

}  // namespace
}  // namespace picket
