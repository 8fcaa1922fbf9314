// What the drain loop hands on: events whose sizes and lengths have been checked.
//
// All calls come from the drain thread. Texts point into the ring and are valid during the call only.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "dataplane/api/events.h"

namespace picket::drain {

struct RequestTextViews {
    std::string_view method;
    std::string_view uri;
    std::string_view uri_normalized;
    std::string_view host;
    std::string_view user_agent;
    std::string_view referer;
    std::string_view version;
    std::string_view payload;
};

class EventSink {
  public:
    virtual ~EventSink() = default;

    // What the times of the following events have to be shifted by to be UTC.
    virtual void set_clock(std::int64_t utc_minus_packet_ns) = 0;
    // Ended parts. The records lie in the ring; each field is to be read once.
    virtual void on_flows(std::span<const api::FlowRecord* const> records) = 0;
    virtual void on_live_flow(const api::FlowRecord& record) = 0;
    virtual void on_request(const api::RequestEvent& event, const RequestTextViews& texts) = 0;
    virtual void on_response(const api::ResponseEvent& event, std::string_view content_type) = 0;
    virtual void on_response_end(const api::ResponseEndEvent& event) = 0;
    virtual void on_hit(const api::HitEvent& event, const RequestTextViews& texts) = 0;
    virtual void on_watch(const api::WatchEvent& event) = 0;
    virtual void on_fold(const api::FoldEvent& event) = 0;  // event.count is within its bound
    virtual void on_hit_count(const api::HitCountEvent& event) = 0;
    virtual void on_note(const api::NoteEvent& event) = 0;
    virtual void on_reply(const api::ReplyEvent& event, std::string_view text) = 0;
    virtual void on_packet(const api::PacketEvent& event, std::string_view frame) = 0;
    virtual void on_capture(const api::CaptureEvent& event, std::string_view path,
                            std::string_view error) = 0;
};

}  // namespace picket::drain
