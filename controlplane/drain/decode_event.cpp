#include "controlplane/drain/decode_event.h"

#include <algorithm>
#include <cstring>

namespace picket::drain {

namespace {

// The texts behind an event's fixed part.
class TextReader {
  public:
    TextReader(const std::byte* begin, std::size_t length)
        : at_(reinterpret_cast<const char*>(begin)), left_(length) {}

    std::string_view take(std::size_t length) {
        if (length > left_) {
            failed_ = true;
            return {};
        }
        const std::string_view text(at_, length);
        at_ += length;
        left_ -= length;
        return text;
    }
    [[nodiscard]] bool failed() const { return failed_; }

  private:
    const char* at_;
    std::size_t left_;
    bool failed_ = false;
};

template <typename Event>
bool copy_fixed(const std::byte* from, std::size_t size, Event& event) {
    if (size < sizeof(Event)) return false;
    std::memcpy(&event, from, sizeof(Event));
    return true;
}

RequestTextViews take_texts(TextReader& reader, const api::RequestTexts& lengths) {
    RequestTextViews texts;
    texts.method = reader.take(lengths.method);
    texts.uri = reader.take(lengths.uri);
    texts.uri_normalized = reader.take(lengths.uri_normalized);
    texts.host = reader.take(lengths.host);
    texts.user_agent = reader.take(lengths.user_agent);
    texts.referer = reader.take(lengths.referer);
    texts.version = reader.take(lengths.version);
    texts.payload = reader.take(lengths.payload);
    return texts;
}

bool request(const std::byte* from, std::size_t size, EventSink& sink) {
    api::RequestEvent event;
    if (!copy_fixed(from, size, event)) return false;
    TextReader reader(from + sizeof event, size - sizeof event);
    const auto texts = take_texts(reader, event.texts);
    if (reader.failed()) return false;
    sink.on_request(event, texts);
    return true;
}

bool response(const std::byte* from, std::size_t size, EventSink& sink) {
    api::ResponseEvent event;
    if (!copy_fixed(from, size, event)) return false;
    TextReader reader(from + sizeof event, size - sizeof event);
    const auto type = reader.take(event.content_type);
    if (reader.failed()) return false;
    sink.on_response(event, type);
    return true;
}

bool hit(const std::byte* from, std::size_t size, EventSink& sink) {
    api::HitEvent event;
    if (!copy_fixed(from, size, event)) return false;
    TextReader reader(from + sizeof event, size - sizeof event);
    const auto texts = take_texts(reader, event.texts);
    if (reader.failed()) return false;
    sink.on_hit(event, texts);
    return true;
}

bool reply(const std::byte* from, std::size_t size, EventSink& sink) {
    api::ReplyEvent event;
    if (!copy_fixed(from, size, event)) return false;
    TextReader reader(from + sizeof event, size - sizeof event);
    const auto text = reader.take(event.text_length);
    if (reader.failed()) return false;
    sink.on_reply(event, text);
    return true;
}

bool packet(const std::byte* from, std::size_t size, EventSink& sink) {
    api::PacketEvent event;
    if (!copy_fixed(from, size, event)) return false;
    TextReader reader(from + sizeof event, size - sizeof event);
    const auto frame = reader.take(event.captured);
    if (reader.failed() || (event.flow_id == 0) == (event.capture == 0) ||
        event.payload_at > event.captured || event.payload_length > event.captured - event.payload_at)
        return false;
    sink.on_packet(event, frame);
    return true;
}

bool capture(const std::byte* from, std::size_t size, EventSink& sink) {
    api::CaptureEvent event;
    if (!copy_fixed(from, size, event)) return false;
    TextReader reader(from + sizeof event, size - sizeof event);
    const auto path = reader.take(event.path);
    const auto error = reader.take(event.error);
    if (reader.failed()) return false;
    sink.on_capture(event, path, error);
    return true;
}

// Only the entries that are in use were written.
bool fold(const std::byte* from, std::size_t size, EventSink& sink) {
    api::FoldEvent event;
    const std::size_t fixed = offsetof(api::FoldEvent, entries);
    if (size < fixed) return false;
    std::memcpy(reinterpret_cast<std::byte*>(&event), from, fixed);
    if (event.count > event.entries.size()) return false;
    const std::size_t rest = event.count * sizeof(api::FoldEntry);
    if (size - fixed < rest) return false;
    std::memcpy(event.entries.data(), from + fixed, rest);
    sink.on_fold(event);
    return true;
}

bool dispatch(api::EventKind kind, const std::byte* from, std::size_t size, EventSink& sink) {
    switch (kind) {
        case api::EventKind::http_request:
            return request(from, size, sink);
        case api::EventKind::http_response:
            return response(from, size, sink);
        case api::EventKind::http_response_end: {
            api::ResponseEndEvent event;
            if (!copy_fixed(from, size, event)) return false;
            sink.on_response_end(event);
            return true;
        }
        case api::EventKind::rule_hit:
            return hit(from, size, sink);
        case api::EventKind::command_reply:
        case api::EventKind::sensor_note:
            return reply(from, size, sink);
        case api::EventKind::packet:
            return packet(from, size, sink);
        case api::EventKind::capture:
            return capture(from, size, sink);
        case api::EventKind::flow_live: {
            api::FlowRecord record;
            if (!copy_fixed(from, size, record) || record.flow_id == 0) return false;
            sink.on_live_flow(record);
            return true;
        }
        case api::EventKind::watch_hit: {
            api::WatchEvent event;
            if (!copy_fixed(from, size, event)) return false;
            sink.on_watch(event);
            return true;
        }
        case api::EventKind::walk_done:
        case api::EventKind::input_done:
        case api::EventKind::rules_adopted:
        case api::EventKind::link: {
            api::NoteEvent event;
            if (!copy_fixed(from, size, event)) return false;
            sink.on_note(event);
            return true;
        }
        case api::EventKind::fold:
            return fold(from, size, sink);
        case api::EventKind::hit_count: {
            api::HitCountEvent event;
            if (!copy_fixed(from, size, event)) return false;
            sink.on_hit_count(event);
            return true;
        }
        case api::EventKind::padding:
        case api::EventKind::flow:
            break;
    }
    return false;
}

}  // namespace

DecodeResult decode_event(const std::byte* event, std::size_t room, EventSink& sink) {
    api::EventHeader header;
    std::memcpy(&header, event, sizeof header);
    const std::size_t size = header.size;
    if (size > room || size > api::event_size_max) return DecodeResult::malformed;
    if (header.kind == api::EventKind::flow) {
        return size >= sizeof(api::FlowRecord) ? DecodeResult::flow : DecodeResult::malformed;
    }
    return dispatch(header.kind, event, size, sink) ? DecodeResult::handled : DecodeResult::malformed;
}

}  // namespace picket::drain
