// Writes one worker's events to its ring.
//
// Live, a ring of which less than a quarter is free folds before it drops: of hits that repeat within a
// second only the first is written, the others are counted (HitCounter), and the caller may count records
// instead of writing them (pressed()). An event that finds the ring full is dropped and counted by kind. In
// replay the worker waits for room, because a file can wait, and so does a live worker once it receives no
// more. Not thread-safe: one worker's. Never allocates after construction.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>

#include "dataplane/api/counters.h"
#include "dataplane/api/event_ring.h"
#include "dataplane/api/events.h"
#include "dataplane/emit/hit_counter.h"

namespace picket::emit {

struct EmitterSettings {
    std::uint16_t worker = 0;
    bool wait_for_room = false;                  // replay
    const std::atomic<bool>* abandon = nullptr;  // waiting ends, and events are dropped, when it turns true
};

// The texts of a request or hit, in the order of api::RequestTexts. Longer ones are cut to the bounds below.
struct EventTexts {
    std::string_view method;
    std::string_view uri;
    std::string_view uri_normalized;
    std::string_view host;
    std::string_view user_agent;
    std::string_view referer;
    std::string_view version;
    std::string_view payload;
};

inline constexpr std::size_t uri_kept_max = 4096;
inline constexpr std::size_t field_kept_max = 1024;  // user agent, referer, content type
inline constexpr std::size_t name_kept_max = 256;    // method, host, version, payload

class alignas(api::cache_line) Emitter {
  public:
    Emitter(api::EventRingWriter ring, const EmitterSettings& settings) : ring_(ring), settings_(settings) {}

    // kind: flow or flow_live.
    void flow(const api::FlowRecord& record, api::EventKind kind, std::uint64_t time_ns) noexcept;
    // flags gains request_uri_truncated if the target was cut.
    void request(const api::EventEnds& ends, std::uint64_t time_ns, std::uint32_t number, std::uint32_t flags,
                 const EventTexts& texts) noexcept;
    // event: all but its header and the length of the text.
    void response(api::ResponseEvent event, std::uint64_t time_ns, std::string_view content_type) noexcept;
    void response_end(const api::ResponseEndEvent& event, std::uint64_t time_ns) noexcept;
    // hit: ends, generation, rule, request and request_flags are taken from it.
    void rule_hit(api::HitEvent hit, std::uint64_t time_ns, const EventTexts& texts) noexcept;
    void watch_hit(api::WatchEvent hit, std::uint64_t time_ns) noexcept;
    // event: all but its header and how much of the frame follows. Not written to a ring that is half
    // full: records need the room.
    void packet(api::PacketEvent event, std::uint64_t time_ns, std::span<const std::uint8_t> frame) noexcept;
    // A packet that should be told, and whose frame is not there any more.
    void lose_packet() noexcept { ++dropped_[static_cast<std::size_t>(api::EventKind::packet)]; }
    void note(api::EventKind kind, std::uint64_t value, std::uint64_t time_ns) noexcept;
    void reply(api::EventKind kind, std::uint64_t command_id, std::int32_t status, std::string_view text,
               std::uint64_t time_ns) noexcept;
    void capture(api::CaptureEvent event, std::string_view path, std::string_view error) noexcept;

    // False, and nothing is counted as dropped, if there is no room: come again.
    [[nodiscard]] bool fold(const api::FoldEvent& event, std::uint64_t time_ns) noexcept;

    // Whether what can be counted should be counted rather than written.
    [[nodiscard]] bool pressed() noexcept { return !settings_.wait_for_room && ring_.nearly_full(); }
    // Tells hits that were counted and whose second is over; between bursts.
    void tell_hit_counts(std::uint64_t now_ns) noexcept;
    // Tells all of them: no more is to come.
    void finish_hit_counts(std::uint64_t now_ns) noexcept;

    // From now on waits for room, but gives up, and drops again, when none has come for so long: nobody
    // reads. For a live worker that has stopped receiving.
    void wait_at_most(std::uint64_t patience_ns) noexcept {
        settings_.wait_for_room = true;
        patience_ns_ = patience_ns;
    }
    // Makes what was written visible; once a burst.
    void publish() noexcept { ring_.publish(); }
    // Whether a walk should pause: snapshots must not crowd out records.
    [[nodiscard]] bool half_full() noexcept { return ring_.used() > ring_.capacity() / 2; }

    void count_into(api::WorkerCounters& counters) const noexcept {
        counters.events_written = written_;
        counters.events_dropped = dropped_;
        counters.hits_folded = hits_.total();
    }

  private:
    // Room for an event, its header filled in; nullptr if there is none.
    std::byte* room_for(api::EventKind kind, std::size_t size, std::uint64_t time_ns) noexcept;
    // The same; if there is none, the event is counted as dropped.
    std::byte* begin(api::EventKind kind, std::size_t size, std::uint64_t time_ns) noexcept;
    // The same for a hit, which is counted where it cannot be written, or need not be.
    std::byte* begin_hit(api::EventKind kind, std::size_t size, const api::HitCountEvent& hit) noexcept;
    [[nodiscard]] bool write_hit_count(const api::HitCountEvent& hits, std::uint64_t time_ns) noexcept;
    std::byte* wait_for_room(std::size_t size) noexcept;

    api::EventRingWriter ring_;
    EmitterSettings settings_;
    HitCounter hits_;
    std::uint64_t patience_ns_ = UINT64_MAX;
    std::array<std::uint64_t, api::event_kind_count> written_{};
    std::array<std::uint64_t, api::event_kind_count> dropped_{};
};

}  // namespace picket::emit
