// A sink that notes what it is given.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "controlplane/drain/event_sink.h"

namespace picket::tests {

class RecordingSink : public drain::EventSink {
  public:
    void set_clock(std::int64_t) override {}
    void on_flows(std::span<const api::FlowRecord* const> records) override {
        const std::lock_guard lock(mutex);
        for (const auto* record : records) flows.push_back(*record);
    }
    void on_live_flow(const api::FlowRecord& record) override { live.push_back(record); }
    void on_request(const api::RequestEvent&, const drain::RequestTextViews& texts) override {
        requests.push_back(std::string(texts.method) + " " + std::string(texts.uri) + " " +
                           std::string(texts.host));
    }
    void on_response(const api::ResponseEvent& event, std::string_view) override {
        statuses.push_back(event.status);
    }
    void on_response_end(const api::ResponseEndEvent& event) override {
        body_bytes.push_back(event.body_bytes);
    }
    void on_hit(const api::HitEvent& event, const drain::RequestTextViews&) override {
        hits.push_back(event.rule);
    }
    void on_watch(const api::WatchEvent& event) override { watched.push_back(event.client_lists); }
    void on_fold(const api::FoldEvent& event) override {
        for (std::size_t i = 0; i < event.count; ++i) folded.push_back(event.entries[i]);
    }
    void on_hit_count(const api::HitCountEvent& event) override { hit_counts.push_back(event); }
    void on_note(const api::NoteEvent& event) override { notes.push_back(event.value); }
    void on_reply(const api::ReplyEvent&, std::string_view text) override { replies.emplace_back(text); }
    void on_packet(const api::PacketEvent& event, std::string_view frame) override {
        packets.emplace_back(event, frame);
    }
    void on_capture(const api::CaptureEvent&, std::string_view path, std::string_view error) override {
        captures.push_back(std::string(path) + "|" + std::string(error));
    }
    std::size_t flow_count() {
        const std::lock_guard lock(mutex);
        return flows.size();
    }

    std::mutex mutex;  // of flows: tests look while the drain thread writes
    std::vector<api::FlowRecord> flows;
    std::vector<api::FlowRecord> live;
    std::vector<std::string> requests;
    std::vector<std::uint16_t> statuses;
    std::vector<std::int64_t> body_bytes;
    std::vector<std::uint32_t> hits;
    std::vector<std::uint64_t> watched;
    std::vector<api::FoldEntry> folded;
    std::vector<api::HitCountEvent> hit_counts;
    std::vector<std::uint64_t> notes;
    std::vector<std::string> replies;
    std::vector<std::string> captures;
    std::vector<std::pair<api::PacketEvent, std::string>> packets;
};

}  // namespace picket::tests
