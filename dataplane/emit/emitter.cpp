#include "dataplane/emit/emitter.h"

#include <algorithm>
#include <cstring>
#include <ctime>

namespace picket::emit {
namespace {

// Copies an event's fixed part behind the header that begin() wrote.
template <typename Event>
void copy_fixed(std::byte* to, const Event& event) noexcept {
    std::memcpy(to + sizeof(api::EventHeader),
                reinterpret_cast<const std::byte*>(&event) + sizeof(api::EventHeader),
                sizeof(Event) - sizeof(api::EventHeader));
}

std::uint16_t cut(std::string_view& text, std::size_t length_max) noexcept {
    text = text.substr(0, length_max);
    return static_cast<std::uint16_t>(text.size());
}

api::RequestTexts cut_texts(EventTexts& texts) noexcept {
    api::RequestTexts lengths;
    lengths.method = cut(texts.method, name_kept_max);
    lengths.uri = cut(texts.uri, uri_kept_max);
    lengths.uri_normalized = cut(texts.uri_normalized, uri_kept_max);
    lengths.host = cut(texts.host, name_kept_max);
    lengths.user_agent = cut(texts.user_agent, field_kept_max);
    lengths.referer = cut(texts.referer, field_kept_max);
    lengths.version = cut(texts.version, name_kept_max);
    lengths.payload = cut(texts.payload, name_kept_max);
    return lengths;
}

std::size_t size_of(const EventTexts& texts) noexcept {
    return texts.method.size() + texts.uri.size() + texts.uri_normalized.size() + texts.host.size() +
           texts.user_agent.size() + texts.referer.size() + texts.version.size() + texts.payload.size();
}

void copy_texts(std::byte* to, const EventTexts& texts) noexcept {
    for (const std::string_view text : {texts.method, texts.uri, texts.uri_normalized, texts.host,
                                        texts.user_agent, texts.referer, texts.version, texts.payload}) {
        if (text.empty()) continue;
        std::memcpy(to, text.data(), text.size());
        to += text.size();
    }
}

api::HitCountEvent one_hit(const api::EventEnds& ends, std::uint32_t generation, std::uint32_t rule,
                           std::uint64_t time_ns) noexcept {
    api::HitCountEvent hit;
    hit.ends = ends;
    hit.generation = generation;
    hit.rule = rule;
    hit.count = 1;
    hit.lost = ends.flow_lost;
    hit.first_ns = time_ns;
    hit.last_ns = time_ns;
    return hit;
}

}  // namespace

std::byte* Emitter::room_for(api::EventKind kind, std::size_t size, std::uint64_t time_ns) noexcept {
    const std::size_t whole = api::round_up_8(size);
    std::byte* at = ring_.reserve(whole);
    if (at == nullptr && settings_.wait_for_room) at = wait_for_room(whole);
    if (at == nullptr) return nullptr;
    ++written_[static_cast<std::size_t>(kind)];
    const api::EventHeader header{static_cast<std::uint32_t>(whole), kind, settings_.worker, time_ns};
    std::memcpy(at, &header, sizeof header);
    return at;
}

std::byte* Emitter::begin(api::EventKind kind, std::size_t size, std::uint64_t time_ns) noexcept {
    std::byte* at = room_for(kind, size, time_ns);
    if (at == nullptr) ++dropped_[static_cast<std::size_t>(kind)];
    return at;
}

std::byte* Emitter::begin_hit(api::EventKind kind, std::size_t size, const api::HitCountEvent& hit) noexcept {
    if (pressed() && hits_.count_repeated(hit)) return nullptr;
    std::byte* at = room_for(kind, size, hit.last_ns);
    if (at == nullptr && (settings_.wait_for_room || !hits_.count_unwritten(hit))) {
        ++dropped_[static_cast<std::size_t>(kind)];
    }
    return at;
}

std::byte* Emitter::wait_for_room(std::size_t size) noexcept {
    // PERF: a full ring takes its reader milliseconds; each awakening costs both of them microseconds.
    constexpr std::uint64_t pause_max_ns = 800'000;
    std::uint64_t pause_ns = 50'000;
    ring_.publish();
    for (std::uint64_t waited_ns = 0; waited_ns < patience_ns_; waited_ns += pause_ns) {
        if (settings_.abandon != nullptr && settings_.abandon->load(std::memory_order_relaxed))
            return nullptr;
        if (waited_ns != 0) pause_ns = std::min(2 * pause_ns, pause_max_ns);
        const timespec pause{0, static_cast<long>(pause_ns)};
        nanosleep(&pause, nullptr);
        if (std::byte* at = ring_.reserve(size)) return at;
    }
    settings_.wait_for_room = false;
    return nullptr;
}

void Emitter::flow(const api::FlowRecord& record, api::EventKind kind, std::uint64_t time_ns) noexcept {
    std::byte* at = begin(kind, sizeof record, time_ns);
    if (at == nullptr) return;
    copy_fixed(at, record);
    // PERF: flows end in rows; what the next record is written to is fetched while that record is made.
    for (std::size_t line = 0; line < sizeof record; line += api::cache_line)
        __builtin_prefetch(at + sizeof record + line, 1);
}

void Emitter::request(const api::EventEnds& ends, std::uint64_t time_ns, std::uint32_t number,
                      std::uint32_t flags, const EventTexts& texts) noexcept {
    EventTexts kept = texts;
    api::RequestEvent event;
    event.ends = ends;
    event.request = number;
    event.texts = cut_texts(kept);
    event.flags = flags | (kept.uri.size() < texts.uri.size() ? api::request_uri_truncated : 0u);
    if (std::byte* at = begin(api::EventKind::http_request, sizeof event + size_of(kept), time_ns)) {
        copy_fixed(at, event);
        copy_texts(at + sizeof event, kept);
    }
}

void Emitter::response(api::ResponseEvent event, std::uint64_t time_ns,
                       std::string_view content_type) noexcept {
    event.content_type = cut(content_type, field_kept_max);
    if (std::byte* at = begin(api::EventKind::http_response, sizeof event + content_type.size(), time_ns)) {
        copy_fixed(at, event);
        if (!content_type.empty()) std::memcpy(at + sizeof event, content_type.data(), content_type.size());
    }
}

void Emitter::response_end(const api::ResponseEndEvent& event, std::uint64_t time_ns) noexcept {
    if (std::byte* at = begin(api::EventKind::http_response_end, sizeof event, time_ns)) {
        copy_fixed(at, event);
    }
}

void Emitter::rule_hit(api::HitEvent hit, std::uint64_t time_ns, const EventTexts& texts) noexcept {
    EventTexts kept = texts;
    hit.texts = cut_texts(kept);
    if (kept.uri.size() < texts.uri.size()) hit.request_flags |= api::request_uri_truncated;
    const auto counted = one_hit(hit.ends, hit.generation, hit.rule, time_ns);
    if (std::byte* at = begin_hit(api::EventKind::rule_hit, sizeof hit + size_of(kept), counted)) {
        copy_fixed(at, hit);
        copy_texts(at + sizeof hit, kept);
    }
}

void Emitter::watch_hit(api::WatchEvent hit, std::uint64_t time_ns) noexcept {
    auto counted = one_hit(hit.ends, hit.generation, api::hit_count_watch, time_ns);
    counted.client_lists = hit.client_lists;
    counted.server_lists = hit.server_lists;
    if (std::byte* at = begin_hit(api::EventKind::watch_hit, sizeof hit, counted)) copy_fixed(at, hit);
}

bool Emitter::write_hit_count(const api::HitCountEvent& hits, std::uint64_t time_ns) noexcept {
    std::byte* at = room_for(api::EventKind::hit_count, sizeof hits, time_ns);
    if (at != nullptr) copy_fixed(at, hits);
    return at != nullptr;
}

void Emitter::tell_hit_counts(std::uint64_t now_ns) noexcept {
    hits_.turn(now_ns, false, [this, now_ns](const api::HitCountEvent& hits) noexcept {
        return write_hit_count(hits, now_ns);
    });
}

void Emitter::finish_hit_counts(std::uint64_t now_ns) noexcept {
    hits_.turn(now_ns, true, [this, now_ns](const api::HitCountEvent& hits) noexcept {
        if (!write_hit_count(hits, now_ns)) ++dropped_[static_cast<std::size_t>(api::EventKind::hit_count)];
        return true;
    });
}

bool Emitter::fold(const api::FoldEvent& event, std::uint64_t time_ns) noexcept {
    const std::size_t size = offsetof(api::FoldEvent, entries) + event.count * sizeof(api::FoldEntry);
    std::byte* at = room_for(api::EventKind::fold, size, time_ns);
    if (at == nullptr) return false;
    std::memcpy(at + sizeof(api::EventHeader),
                reinterpret_cast<const std::byte*>(&event) + sizeof(api::EventHeader),
                size - sizeof(api::EventHeader));
    return true;
}

void Emitter::packet(api::PacketEvent event, std::uint64_t time_ns,
                     std::span<const std::uint8_t> frame) noexcept {
    // Long before records would be folded for want of room.
    if (!settings_.wait_for_room && !ring_.has_free(ring_.capacity() / 2)) return lose_packet();
    frame = frame.first(std::min(frame.size(), api::packet_kept_max));
    event.captured = static_cast<std::uint32_t>(frame.size());
    event.payload_at = std::min(event.payload_at, event.captured);
    event.payload_length = std::min(event.payload_length, event.captured - event.payload_at);
    if (std::byte* at = begin(api::EventKind::packet, sizeof event + frame.size(), time_ns)) {
        copy_fixed(at, event);
        if (!frame.empty()) std::memcpy(at + sizeof event, frame.data(), frame.size());
    }
}

void Emitter::note(api::EventKind kind, std::uint64_t value, std::uint64_t time_ns) noexcept {
    api::NoteEvent event;
    event.value = value;
    if (std::byte* at = begin(kind, sizeof event, time_ns)) copy_fixed(at, event);
}

void Emitter::reply(api::EventKind kind, std::uint64_t command_id, std::int32_t status, std::string_view text,
                    std::uint64_t time_ns) noexcept {
    api::ReplyEvent event;
    event.command_id = command_id;
    event.status = status;
    text = text.substr(0, 4096);
    event.text_length = static_cast<std::uint32_t>(text.size());
    if (std::byte* at = begin(kind, sizeof event + text.size(), time_ns)) {
        copy_fixed(at, event);
        if (!text.empty()) std::memcpy(at + sizeof event, text.data(), text.size());
    }
}

void Emitter::capture(api::CaptureEvent event, std::string_view path, std::string_view error) noexcept {
    event.path = cut(path, 4096);
    event.error = cut(error, 4096);
    if (std::byte* at =
            begin(api::EventKind::capture, sizeof event + path.size() + error.size(), event.last_ns)) {
        copy_fixed(at, event);
        std::memcpy(at + sizeof event, path.data(), path.size());
        if (!error.empty()) std::memcpy(at + sizeof event + path.size(), error.data(), error.size());
    }
}

}  // namespace picket::emit
