// One worker's Pipeline over plain memory: frames in, decoded events out. No shared memory, no EAL.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dataplane/pipeline.h"
#include "tests/support/flow_harness.h"

namespace picket::testing {

struct SeenRequest {
    api::RequestEvent event;
    std::string method, uri, normalized, host, user_agent, referer, version;
};
struct SeenResponse {
    api::ResponseEvent event;
    std::string content_type;
};

struct SeenPacket {
    api::PacketEvent event;
    std::string frame;

    [[nodiscard]] std::string payload() const { return frame.substr(event.payload_at, event.payload_length); }
};

class PipelineHarness {
  public:
    static constexpr std::size_t ring_bytes_default = 1 << 22;

    explicit PipelineHarness(PipelineSettings settings = replay_settings(), steer::Mesh* mesh = nullptr,
                             std::size_t ring_bytes = ring_bytes_default)
        : data_(ring_bytes / 8),
          emitter_(api::EventRingWriter(bytes(), ring_bytes, written_, read_), {}),
          reader_(bytes(), ring_bytes, written_, read_),
          pipeline(settings, test_hash, emitter_, mesh, area) {}

    static PipelineSettings replay_settings() {
        PipelineSettings settings;
        settings.flow = FlowHarness::replay_settings();
        settings.http.assemblies = 8;
        return settings;
    }

    void feed(const PacketBuilder& builder, std::uint64_t time_ns) {
        frames_.emplace_back(builder.bytes(), time_ns);
    }
    void feed(OwnedFrame frame) { frames_.push_back(std::move(frame)); }

    // Runs what was fed, `burst` frames at a time.
    void run(std::size_t burst = burst_max) {
        std::vector<rx::Frame> frames;
        for (auto& owned : frames_) {
            owned.frame.sequence = sequence_++;
            frames.push_back(owned.frame);
        }
        for (std::size_t at = 0; at < frames.size(); at += burst) {
            pipeline.process({frames.data() + at, std::min(burst, frames.size() - at)},
                             Pipeline::Origin::queue);
            drain();
        }
        frames_.clear();
    }

    void finish(std::uint64_t last_ns) {
        pipeline.finish(last_ns, false);
        drain();
    }

    std::vector<api::FlowRecord> flows;
    std::vector<SeenRequest> requests;
    std::vector<SeenResponse> responses;
    std::vector<api::ResponseEndEvent> response_ends;
    std::vector<api::HitEvent> hits;
    std::vector<SeenPacket> packets;
    std::vector<api::EventKind> kinds;
    api::WorkerArea area;

  private:
    [[nodiscard]] std::byte* bytes() { return reinterpret_cast<std::byte*>(data_.data()); }

    static std::string take(const char*& at, std::uint16_t length) {
        std::string text(at, length);
        at += length;
        return text;
    }

  public:
    // Takes the events that the pipeline has told.
    void drain() {
        while (const auto* header = reader_.next()) {
            kinds.push_back(header->kind);
            const auto* raw = reinterpret_cast<const char*>(header);
            if (header->kind == api::EventKind::flow) {
                flows.push_back(*reinterpret_cast<const api::FlowRecord*>(header));
            } else if (header->kind == api::EventKind::http_request) {
                SeenRequest seen;
                std::memcpy(&seen.event, raw, sizeof seen.event);
                const char* at = raw + sizeof seen.event;
                const auto& texts = seen.event.texts;
                seen.method = take(at, texts.method);
                seen.uri = take(at, texts.uri);
                seen.normalized = take(at, texts.uri_normalized);
                seen.host = take(at, texts.host);
                seen.user_agent = take(at, texts.user_agent);
                seen.referer = take(at, texts.referer);
                seen.version = take(at, texts.version);
                requests.push_back(seen);
            } else if (header->kind == api::EventKind::http_response) {
                SeenResponse seen;
                std::memcpy(&seen.event, raw, sizeof seen.event);
                const char* at = raw + sizeof seen.event;
                seen.content_type = take(at, seen.event.content_type);
                responses.push_back(seen);
            } else if (header->kind == api::EventKind::rule_hit) {
                hits.push_back(*reinterpret_cast<const api::HitEvent*>(header));
            } else if (header->kind == api::EventKind::http_response_end) {
                response_ends.push_back(*reinterpret_cast<const api::ResponseEndEvent*>(header));
            } else if (header->kind == api::EventKind::packet) {
                SeenPacket seen;
                std::memcpy(&seen.event, raw, sizeof seen.event);
                seen.frame.assign(raw + sizeof seen.event, seen.event.captured);
                packets.push_back(seen);
            }
        }
        reader_.release();
    }

  private:
    std::vector<std::uint64_t> data_;
    api::RingPosition written_;
    api::RingPosition read_;
    emit::Emitter emitter_;
    api::EventRingReader reader_;
    std::vector<OwnedFrame> frames_;
    std::uint64_t sequence_ = 0;

  public:
    Pipeline pipeline;  // after what it refers to
};

// A TCP connection's segments with running sequence numbers.
class Conversation {
  public:
    explicit Conversation(PipelineHarness& harness, std::uint16_t client_port = 4000)
        : harness_(&harness), port_(client_port) {}

    Conversation& handshake() {
        send(true, {}, parse::tcp_syn);
        send(false, {}, parse::tcp_syn | parse::tcp_ack);
        return send(true, {}, parse::tcp_ack);
    }
    Conversation& client(std::string_view payload) {
        return send(true, payload, parse::tcp_psh | parse::tcp_ack);
    }
    Conversation& server(std::string_view payload) {
        return send(false, payload, parse::tcp_psh | parse::tcp_ack);
    }
    // Repeats bytes that the client has sent already.
    Conversation& client_again(std::string_view payload) {
        next_[0] -= static_cast<std::uint32_t>(payload.size());
        return client(payload);
    }
    // Bytes that the tap never sees.
    Conversation& client_lost(std::uint32_t bytes) {
        next_[0] += bytes;
        return *this;
    }
    Conversation& in_segments(std::string_view payload, std::size_t size) {
        for (; !payload.empty(); payload.remove_prefix(std::min(size, payload.size())))
            client(payload.substr(0, size));
        return *this;
    }

  private:
    Conversation& send(bool from_client, std::string_view payload, std::uint8_t flags) {
        auto& mine = next_[from_client ? 0 : 1];
        const TcpFields fields{flags, mine, next_[from_client ? 1 : 0]};
        auto builder = PacketBuilder().ethernet();
        if (from_client) {
            builder.ipv4("10.1.7.44", "203.0.113.80").tcp(port_, 80, fields);
        } else {
            builder.ipv4("203.0.113.80", "10.1.7.44").tcp(80, port_, fields);
        }
        harness_->feed(builder.payload(payload), time_ns_ += 1000);
        mine += static_cast<std::uint32_t>(payload.size()) + ((flags & parse::tcp_syn) != 0 ? 1 : 0);
        return *this;
    }

    PipelineHarness* harness_;
    std::uint16_t port_;
    std::array<std::uint32_t, 2> next_{1000, 9000};
    std::uint64_t time_ns_ = second_ns;
};

}  // namespace picket::testing
