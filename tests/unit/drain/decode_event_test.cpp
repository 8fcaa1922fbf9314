// Events with honest and with lying lengths.
#include "controlplane/drain/decode_event.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "dataplane/api/event_ring.h"
#include "tests/unit/drain/recording_sink.h"

namespace picket::drain {
namespace {

template <typename Event>
std::vector<std::byte> bytes_of(const Event& event, std::string_view texts = {}) {
    std::vector<std::byte> bytes(api::round_up_8(sizeof event + texts.size()));
    std::memcpy(bytes.data(), &event, sizeof event);
    if (!texts.empty()) std::memcpy(bytes.data() + sizeof event, texts.data(), texts.size());
    const auto size = static_cast<std::uint32_t>(bytes.size());
    std::memcpy(bytes.data(), &size, sizeof size);
    return bytes;
}

api::RequestEvent request(std::uint16_t method, std::uint16_t uri, std::uint16_t host) {
    api::RequestEvent event;
    event.header.kind = api::EventKind::http_request;
    event.texts.method = method;
    event.texts.uri = uri;
    event.texts.host = host;
    return event;
}

TEST(DecodeEvent, TextsAreCutByTheirLengths) {
    tests::RecordingSink sink;
    const auto bytes = bytes_of(request(3, 6, 4), "GET/b.cgihost");
    EXPECT_EQ(decode_event(bytes.data(), bytes.size(), sink), DecodeResult::handled);
    ASSERT_EQ(sink.requests.size(), 1U);
    EXPECT_EQ(sink.requests[0], "GET /b.cgi host");
}

TEST(DecodeEvent, LengthsBeyondTheEventAreMalformed) {
    tests::RecordingSink sink;
    const auto bytes = bytes_of(request(3, 60'000, 4), "GET/b.cgihost");
    EXPECT_EQ(decode_event(bytes.data(), bytes.size(), sink), DecodeResult::malformed);
    EXPECT_TRUE(sink.requests.empty());
}

TEST(DecodeEvent, EventsBeyondTheRingAreMalformed) {
    tests::RecordingSink sink;
    const auto bytes = bytes_of(request(3, 6, 4), "GET/b.cgihost");
    EXPECT_EQ(decode_event(bytes.data(), bytes.size() - 8, sink), DecodeResult::malformed);
}

TEST(DecodeEvent, FoldEventsHaveTheEntriesThatTheySay) {
    tests::RecordingSink sink;
    api::FoldEvent event;
    event.header.kind = api::EventKind::fold;
    event.count = 2;
    event.entries[1].packets = 7;
    auto bytes = bytes_of(event);
    // As it is written: without the entries that are not in use.
    bytes.resize(offsetof(api::FoldEvent, entries) + 2 * sizeof(api::FoldEntry));
    auto size = static_cast<std::uint32_t>(bytes.size());
    std::memcpy(bytes.data(), &size, sizeof size);
    EXPECT_EQ(decode_event(bytes.data(), bytes.size(), sink), DecodeResult::handled);
    ASSERT_EQ(sink.folded.size(), 2U);
    EXPECT_EQ(sink.folded[1].packets, 7U);
    for (const std::uint32_t lie : {3U, 17U, 0xffffffffU}) {
        std::memcpy(bytes.data() + offsetof(api::FoldEvent, count), &lie, sizeof lie);
        EXPECT_EQ(decode_event(bytes.data(), bytes.size(), sink), DecodeResult::malformed);
    }
    size = 16;
    std::memcpy(bytes.data(), &size, sizeof size);
    EXPECT_EQ(decode_event(bytes.data(), bytes.size(), sink), DecodeResult::malformed);
    EXPECT_EQ(sink.folded.size(), 2U);
}

TEST(DecodeEvent, ResponseEnds) {
    tests::RecordingSink sink;
    api::ResponseEndEvent event;
    event.header.kind = api::EventKind::http_response_end;
    event.body_bytes = 123'456'789'012;
    const auto bytes = bytes_of(event);
    EXPECT_EQ(decode_event(bytes.data(), bytes.size(), sink), DecodeResult::handled);
    EXPECT_EQ(sink.body_bytes, std::vector<std::int64_t>{123'456'789'012});
    auto cut = bytes;
    cut.resize(bytes.size() - 8);
    const auto size = static_cast<std::uint32_t>(cut.size());
    std::memcpy(cut.data(), &size, sizeof size);
    EXPECT_EQ(decode_event(cut.data(), cut.size(), sink), DecodeResult::malformed);
    EXPECT_EQ(sink.body_bytes.size(), 1U);
}

TEST(DecodeEvent, HitCounts) {
    tests::RecordingSink sink;
    api::HitCountEvent event;
    event.header.kind = api::EventKind::hit_count;
    event.count = 41;
    const auto bytes = bytes_of(event);
    EXPECT_EQ(decode_event(bytes.data(), bytes.size(), sink), DecodeResult::handled);
    ASSERT_EQ(sink.hit_counts.size(), 1U);
    EXPECT_EQ(sink.hit_counts[0].count, 41U);
}

TEST(DecodeEvent, Packets) {
    tests::RecordingSink sink;
    api::PacketEvent event;
    event.header.kind = api::EventKind::packet;
    event.flow_id = 7;
    event.captured = 7;
    event.payload_at = 5;
    event.payload_length = 2;
    const auto judge = [&] {
        const auto bytes = bytes_of(event, "frame!?");
        return decode_event(bytes.data(), bytes.size(), sink);
    };
    EXPECT_EQ(judge(), DecodeResult::handled);
    ASSERT_EQ(sink.packets.size(), 1U);
    EXPECT_EQ(sink.packets[0].second, "frame!?");
    event.payload_length = 3;
    EXPECT_EQ(judge(), DecodeResult::malformed) << "payload beyond the frame";
    event.payload_length = 0xffffffff;
    EXPECT_EQ(judge(), DecodeResult::malformed);
    event.payload_length = 0;
    event.payload_at = 8;
    EXPECT_EQ(judge(), DecodeResult::malformed);
    event.payload_at = 0;
    event.captured = 9;
    EXPECT_EQ(judge(), DecodeResult::malformed) << "a frame beyond the event";
    event.captured = 7;
    event.flow_id = 0;
    EXPECT_EQ(judge(), DecodeResult::malformed) << "of no flow, and nobody has asked for it";
    EXPECT_EQ(sink.packets.size(), 1U);
    event.capture = 3;
    EXPECT_EQ(judge(), DecodeResult::handled);
    event.flow_id = 7;
    EXPECT_EQ(judge(), DecodeResult::malformed);
    EXPECT_EQ(sink.packets.size(), 2U);
}

TEST(DecodeEvent, FlowsAreLeftToTheCaller) {
    tests::RecordingSink sink;
    api::FlowRecord record;
    record.header.kind = api::EventKind::flow;
    auto bytes = bytes_of(record);
    EXPECT_EQ(decode_event(bytes.data(), bytes.size(), sink), DecodeResult::flow);
    const std::uint32_t short_size = 64;
    std::memcpy(bytes.data(), &short_size, sizeof short_size);
    EXPECT_EQ(decode_event(bytes.data(), bytes.size(), sink), DecodeResult::malformed);
}

TEST(DecodeEvent, RandomBytesNeverLeaveTheEvent) {
    std::mt19937 random(7);
    tests::RecordingSink sink;
    for (int i = 0; i < 200'000; ++i) {
        // Allocated anew, so that a sanitizer sees every byte beyond.
        std::vector<std::byte> bytes(16 + 8 * (random() % 64));
        for (auto& byte : bytes) byte = static_cast<std::byte>(random() % 4 == 0 ? random() : 0);
        const auto size = static_cast<std::uint32_t>(random() % 8 == 0 ? random() : bytes.size());
        const auto kind = static_cast<std::uint16_t>(random() % 20);
        std::memcpy(bytes.data(), &size, sizeof size);
        std::memcpy(bytes.data() + 4, &kind, sizeof kind);
        (void)decode_event(bytes.data(), bytes.size(), sink);
    }
    SUCCEED();
}

}  // namespace
}  // namespace picket::drain
