#include "dataplane/api/event_ring.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <vector>

#include "dataplane/emit/emitter.h"

namespace picket::api {
namespace {

constexpr std::size_t capacity = 4 * event_size_max;

struct Ring {
    std::vector<std::uint64_t> memory = std::vector<std::uint64_t>(capacity / 8);
    RingPosition written;
    RingPosition read;

    [[nodiscard]] std::byte* data() { return reinterpret_cast<std::byte*>(memory.data()); }
    [[nodiscard]] EventRingWriter writer() { return {data(), capacity, written, read}; }
    [[nodiscard]] EventRingReader reader() { return {data(), capacity, written, read}; }
};

TEST(EventRing, KeepsOrderAndContentBetweenThreads) {
    Ring ring;
    constexpr std::uint64_t events = 200'000;
    std::thread producer([&ring] {
        auto writer = ring.writer();
        std::mt19937 random(1);
        for (std::uint64_t i = 0; i < events; ++i) {
            const std::size_t size = round_up_8(sizeof(NoteEvent) + random() % 900);
            std::byte* at = nullptr;
            while ((at = writer.reserve(size)) == nullptr) {
                writer.publish();
                std::this_thread::yield();
            }
            NoteEvent note;
            note.header = {static_cast<std::uint32_t>(size), EventKind::walk_done, 3, i};
            note.value = i * i;
            std::memcpy(at, &note, sizeof note);
            if (i % 7 == 0) writer.publish();
        }
        writer.publish();
    });
    auto reader = ring.reader();
    for (std::uint64_t expected = 0; expected < events;) {
        const auto* header = reader.next();
        if (header == nullptr) {
            ASSERT_FALSE(reader.broken());
            reader.release();
            std::this_thread::yield();
            continue;
        }
        ASSERT_EQ(header->time_ns, expected);
        ASSERT_EQ(reinterpret_cast<const NoteEvent*>(header)->value, expected * expected);
        ++expected;
    }
    producer.join();
}

TEST(EventRing, FullIsSaidAndNothingIsOverwritten) {
    Ring ring;
    auto writer = ring.writer();
    std::size_t reserved = 0;
    while (writer.reserve(1024) != nullptr) ++reserved;
    EXPECT_EQ(reserved, capacity / 1024);
    EXPECT_EQ(writer.used(), capacity);
}

// A consumer that writes nonsense into its position stops its own events, and nothing else.
TEST(EventRing, HostileReadPositionCountsAsFull) {
    Ring ring;
    auto writer = ring.writer();
    ASSERT_NE(writer.reserve(64), nullptr);
    writer.publish();
    for (const std::uint64_t lie : {std::uint64_t{1} << 40, ~std::uint64_t{0}, std::uint64_t{65}}) {
        ring.read.value.store(lie);
        while (writer.reserve(event_size_max) != nullptr) {
        }
        EXPECT_EQ(writer.reserve(event_size_max), nullptr);
    }
}

TEST(EventRing, HostileSizesBreakTheReaderAndNotThePicketd) {
    for (const std::uint32_t size : {0u, 4u, 9u, 0xffffffffu, static_cast<std::uint32_t>(capacity)}) {
        Ring ring;
        auto writer = ring.writer();
        std::byte* at = writer.reserve(64);
        std::memcpy(at, &size, sizeof size);
        writer.publish();
        auto reader = ring.reader();
        EXPECT_EQ(reader.next(), nullptr);
        EXPECT_TRUE(reader.broken());
    }
}

// Where the reading begins is said by a segment that the other process has made.
TEST(EventRing, APositionBetweenWordsBreaksTheReader) {
    for (const std::uint64_t position : {std::uint64_t{1}, std::uint64_t{capacity - 1}, ~std::uint64_t{0}}) {
        Ring ring;
        ring.read.value = position;
        ring.written.value = position + 64;
        auto reader = ring.reader();
        EXPECT_EQ(reader.next(), nullptr);
        EXPECT_TRUE(reader.broken());
    }
}

// Live: what does not fit is counted by kind, and what fits later is written again.
TEST(Emitter, DropsAreCountedByKind) {
    Ring ring;
    emit::Emitter emitter(ring.writer(), {});
    FlowRecord record;
    const std::uint64_t fits = capacity / sizeof(FlowRecord);
    for (std::uint64_t i = 0; i < fits + 10; ++i) emitter.flow(record, EventKind::flow, i);
    emitter.note(EventKind::link, 1, 0);
    emitter.publish();
    WorkerCounters counters;
    emitter.count_into(counters);
    const auto flow = static_cast<std::size_t>(EventKind::flow);
    EXPECT_EQ(counters.events_written[flow] + counters.events_dropped[flow], fits + 10);
    EXPECT_GE(counters.events_dropped[flow], 10u);
    auto reader = ring.reader();
    std::uint64_t read = 0;
    while (const auto* header = reader.next()) read += header->kind == EventKind::flow ? 1 : 0;
    reader.release();
    EXPECT_EQ(read, counters.events_written[flow]);
    emitter.flow(record, EventKind::flow, 0);
    emitter.count_into(counters);
    EXPECT_EQ(counters.events_written[flow], read + 1);
}

TEST(Emitter, TextsAreCutToTheirBounds) {
    Ring ring;
    emit::Emitter emitter(ring.writer(), {});
    const std::string huge(100'000, 'u');
    emitter.request({}, 5, 2, request_split, {huge, huge, huge, huge, huge, huge, huge, huge});
    emitter.publish();
    auto reader = ring.reader();
    const auto* header = reader.next();
    ASSERT_NE(header, nullptr);
    EXPECT_LE(header->size, event_size_max);
    const auto& request = *reinterpret_cast<const RequestEvent*>(header);
    EXPECT_EQ(request.texts.uri, emit::uri_kept_max);
    EXPECT_EQ(request.flags, request_split | request_uri_truncated);
}

}  // namespace
}  // namespace picket::api
