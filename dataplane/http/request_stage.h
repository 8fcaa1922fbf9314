// The http stage of one worker: finds requests on any TCP port, and the responses that answer them.
//
// A message that lies in one segment is parsed where it is, and nothing is kept of it. A flow is given a
// state (stream_state.h) only while a head is gathered (assembly_pool.h), a body goes on, or segments wait
// for the gap before them to fill (segment_pool.h); from then on its bytes are looked at in order and once.
// What an acknowledgment, the flow's end or a bound shows to be missing for good is passed over, counted, and
// what follows is looked at anew. All pools are bounded: where one is used up, what has waited longest gives
// way. docs/decisions/0011-following-http-streams.md weighs the alternatives.
//
//   request_stage.cpp    which flows are followed, states, evictions
//   stream_begin.cpp     where a stream begins
//   stream_order.cpp     gaps, order, retransmissions
//   request_stream.cpp   the client's bytes
//   request_body.cpp     the first bytes of bodies, for rules
//   response_stream.cpp  the server's bytes
#pragma once

#include <cstdint>

#include "dataplane/api/counters.h"
#include "dataplane/flow/flow_entry.h"
#include "dataplane/flow/flow_tracker.h"
#include "dataplane/http/assembly_pool.h"
#include "dataplane/http/body_pool.h"
#include "dataplane/http/message_head.h"
#include "dataplane/http/request_batch.h"
#include "dataplane/http/request_kind.h"
#include "dataplane/http/segment_pool.h"
#include "dataplane/http/stream_state.h"
#include "dataplane/parse/packet.h"

namespace picket::http {

struct FoundResponse {
    std::uint32_t request = api::request_none;  // which one it answers
    std::uint8_t client_side = 0;
    bool goes_on = false;          // response_end() will follow
    std::int64_t body_bytes = -1;  // -1 if not known
    std::uint64_t time_ns = 0;
};

// What the stage hands on. flush_requests() matches, emits and clears the batch. Texts are valid until then.
class RequestSink {
  public:
    virtual ~RequestSink() = default;
    virtual void flush_requests() noexcept = 0;
    virtual void response(const flow::HotFlow& hot, const FoundResponse& found,
                          const ResponseHead& head) noexcept = 0;
    virtual void response_end(const flow::HotFlow& hot, const FoundResponse& found) noexcept = 0;
};

struct StageSettings {
    std::size_t states = 65'536;     // flows that are followed at one time, 128 bytes each
    std::size_t assemblies = 4096;   // split heads at one time
    std::size_t head_bytes = 8192;   // of a split head that are kept, at least 1024
    std::size_t held_pieces = 8192;  // of segments that came before their turn, 2 KiB each
    std::size_t bodies = 1024;       // requests that wait for their bodies at one time
    std::size_t body_bytes = 4096;   // of a body that rules see, at most RequestBatch::body_max
};

class RequestStage {
  public:
    RequestStage(const StageSettings& settings, flow::FlowTable& table, RequestBatch& batch,
                 RequestSink& sink)
        : table_(&table),
          states_(settings.states),
          assemblies_(settings.assemblies, settings.head_bytes),
          segments_(settings.held_pieces),
          bodies_(settings.bodies, settings.head_bytes, settings.body_bytes),
          batch_(&batch),
          sink_(&sink) {}

    // What the rules that are in use look at, beside the heads of requests: nothing else is kept, or handed
    // on.
    void want(bool bodies, bool responses) noexcept {
        wants_bodies_ = bodies;
        wants_responses_ = responses;
    }

    // Looks at the payload of one TCP packet, whose flow has been updated.
    // REQUIRES: packet.payload_captured != 0.
    void inspect(const parse::Packet& packet, const flow::Tracked& tracked) noexcept;

    // Has the state of a followed flow fetched, some time before inspect(). Reads the flow's cold record.
    void prefetch_state(std::uint32_t cold) const noexcept {
        const std::uint32_t index = table_->cold(cold).http_state;
        if (index < flow::http_ended) states_.prefetch(index);
    }
    // Whether any segments wait: then inspect_bare() is to be called for TCP packets without payload, whose
    // acknowledgments show what will not come any more.
    [[nodiscard]] bool holds_segments() const noexcept { return segments_.in_use() != 0; }
    void inspect_bare(const parse::Packet& packet, const flow::Tracked& tracked) noexcept;

    // The flow ends or its entry serves another: tells what there is, frees what was held for it.
    void finish(flow::HotFlow& hot, flow::ColdFlow& cold, std::uint64_t time_ns) noexcept;

    // After the batch was matched and emitted: its buffers are free again.
    void release_batch() noexcept;

    void publish(api::WorkerCounters& counters) const noexcept;

  private:
    [[nodiscard]] static unsigned client_side_of(const flow::HotFlow& hot) noexcept {
        return (hot.marks & flow::mark_client_b) != 0 ? 1 : 0;
    }

    struct Place {  // where bytes come from
        flow::HotFlow* hot;
        flow::ColdFlow* cold;
        StreamState* state;
        std::uint64_t time_ns;
        std::uint8_t side;

        [[nodiscard]] StreamSide& mine() const noexcept { return state->sides[side]; }
        [[nodiscard]] Place other() const noexcept {
            Place place = *this;
            place.side = static_cast<std::uint8_t>(1 - side);
            return place;
        }
    };

    // request_stage.cpp
    void follow_stream(const Place& place, const parse::Packet& packet, const flow::Tracked& tracked,
                       std::string_view text, bool waits) noexcept;
    [[nodiscard]] Place place_of(flow::HotFlow& hot, std::uint64_t time_ns, unsigned side) noexcept;
    void settle(const Place& place) noexcept;
    void end_following(const Place& place) noexcept;
    void finish_sides(const Place& place) noexcept;
    [[nodiscard]] std::uint32_t take_state() noexcept;
    [[nodiscard]] std::uint32_t take_assembly(const Place& place) noexcept;
    void set_client(const Place& place) noexcept;
    void forget_if_unproven(const Place& place) noexcept;

    // stream_begin.cpp
    [[nodiscard]] bool may_begin_message(const parse::Packet& packet, const flow::Tracked& tracked,
                                         std::string_view text) const noexcept;
    [[nodiscard]] bool waits_for_earlier(const parse::Packet& packet, const flow::Tracked& tracked,
                                         std::string_view text, bool known) const noexcept;
    void hold_unplaced(const Place& place, std::uint32_t begin, std::string_view text,
                       std::uint32_t cut) noexcept;
    void begin_at_first_held(const Place& place) noexcept;

    // stream_order.cpp
    void pass_acknowledged(const Place& place, std::uint32_t acknowledgment) noexcept;
    void wait_acknowledged(const Place& place, std::uint32_t acknowledgment) noexcept;
    void arrange(const Place& place, std::uint32_t begin, std::string_view text, std::uint32_t cut) noexcept;
    void accept(const Place& place, std::uint32_t begin, std::string_view text) noexcept;
    void deliver_ready(const Place& place) noexcept;
    void pass_gap(const Place& place) noexcept;
    void pass_all(const Place& place) noexcept;
    [[nodiscard]] bool make_room(const Place& place) noexcept;
    void lose(const Place& place, std::uint32_t bytes) noexcept;
    [[nodiscard]] std::uint64_t may_miss(const Place& place) const noexcept;
    void deliver(const Place& place, std::string_view text) noexcept;

    // request_stream.cpp
    void deliver_client(const Place& place, std::string_view text) noexcept;
    [[nodiscard]] std::string_view begin_request(const Place& place, std::string_view text) noexcept;
    [[nodiscard]] std::string_view gather_request(const Place& place, std::string_view text) noexcept;
    void give_up_request(const Place& place, bool rest_follows) noexcept;
    void lose_request(const Place& place) noexcept;
    void add(const Place& place, const RequestHead& head, std::string_view text,
             std::uint32_t flags) noexcept;
    static void fill_view(const RequestHead& head, std::string_view text, match::RequestView& view) noexcept;
    // Both sides'.
    [[nodiscard]] std::size_t begin_gathering(const Place& place, std::string_view text) noexcept;
    void drop_assembly(StreamSide& side) noexcept;
    void release_later(std::uint32_t assembly) noexcept;
    void begin_head_rest(const Place& place, std::uint32_t assembly) noexcept;
    [[nodiscard]] std::string_view skip_head_rest(const Place& place, std::string_view text) noexcept;

    // request_body.cpp
    [[nodiscard]] std::size_t body_room(const RequestHead& head) const noexcept;
    void begin_body(const Place& place, const RequestHead& head, std::string_view text,
                    const RequestNote& note) noexcept;
    [[nodiscard]] std::uint32_t take_body(const Place& place, std::string_view head,
                                          const RequestNote& note) noexcept;
    [[nodiscard]] std::size_t pass_body(const Place& place, std::string_view text) noexcept;
    void end_body(const Place& place, bool cut) noexcept;

    // response_stream.cpp
    void deliver_server(const Place& place, std::string_view text) noexcept;
    [[nodiscard]] std::string_view skip_response_body(const Place& place, std::string_view text) noexcept;
    [[nodiscard]] std::string_view begin_response(const Place& place, std::string_view text) noexcept;
    [[nodiscard]] std::string_view gather_response(const Place& place, std::string_view text) noexcept;
    [[nodiscard]] std::string_view judge_response(const Place& place, std::size_t before, std::size_t taken,
                                                  std::string_view text) noexcept;
    void give_up_response(const Place& place, bool rest_follows) noexcept;
    void lose_response(const Place& place) noexcept;
    [[nodiscard]] std::string_view answer(const Place& place, const ResponseHead& head,
                                          std::string_view rest) noexcept;
    void end_response(const Place& place) noexcept;
    void add_response(const Place& place, const FoundResponse& found, const ResponseHead& head) noexcept;

    flow::FlowTable* table_;
    StatePool states_;
    AssemblyPool assemblies_;
    SegmentPool segments_;
    BodyPool bodies_;
    RequestBatch* batch_;
    RequestSink* sink_;
    bool wants_bodies_ = false;
    bool wants_responses_ = false;
    StreamState scratch_;  // of a flow without a state; idle between calls
    std::uint64_t requests_ = 0;
    std::uint64_t responses_ = 0;
    std::uint64_t exhausted_ = 0;  // flows that gave way
    std::uint64_t held_ = 0;
    std::uint64_t gaps_ = 0;
};

}  // namespace picket::http
