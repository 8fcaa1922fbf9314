// The http stage of one worker: finds requests on any TCP port, and the responses that answer them.
//
// A head that lies in one segment is parsed where it is; one that is split is gathered in a bounded buffer
// (assembly_pool.h) from segments in order. Bytes seen before (retransmissions) are skipped; after a gap what
// was gathered is given up, and reported if its request line was whole. A declared request body is skipped,
// so that what it contains is not taken for a request.
#pragma once

#include <cstdint>

#include "dataplane/api/counters.h"
#include "dataplane/flow/flow_entry.h"
#include "dataplane/flow/flow_tracker.h"
#include "dataplane/http/assembly_pool.h"
#include "dataplane/http/message_head.h"
#include "dataplane/http/request_batch.h"
#include "dataplane/parse/packet.h"

namespace picket::http {

// What the stage hands on. flush_requests() matches, emits and clears the batch.
class RequestSink {
  public:
    virtual ~RequestSink() = default;
    virtual void flush_requests() noexcept = 0;
    virtual void response(const flow::HotFlow& hot, const flow::ColdFlow& cold, unsigned client_side,
                          std::uint32_t request, const ResponseHead& head,
                          std::uint64_t time_ns) noexcept = 0;
};

class RequestStage {
  public:
    RequestStage(std::size_t assemblies, RequestBatch& batch, RequestSink& sink)
        : pool_(assemblies), batch_(&batch), sink_(&sink) {}

    // Looks at the payload of one TCP packet, whose flow has been updated.
    // REQUIRES: packet.payload_captured != 0.
    void inspect(const parse::Packet& packet, const flow::Tracked& tracked, flow::FlowTable& table) noexcept;

    // The flow ends or its entry serves another: reports a request whose line was whole, frees its buffer.
    void finish(flow::HotFlow& hot, flow::ColdFlow& cold, std::uint64_t time_ns) noexcept;

    // After the batch was matched and emitted: its buffers are free again.
    void release_batch() noexcept;

    void publish(api::WorkerCounters& counters) const noexcept;

  private:
    struct Place {  // where bytes come from
        flow::HotFlow* hot;
        flow::ColdFlow* cold;
        std::uint64_t time_ns;
        std::uint32_t cut;  // payload bytes that the capture does not hold
        std::uint8_t side;
        bool gap;  // bytes before these have not been seen
    };

    void inspect_client(const Place& place, std::string_view text) noexcept;
    void inspect_server(const Place& place, std::string_view text) noexcept;
    static void set_client(const Place& place) noexcept;

    void inspect_stream(const Place& place, std::string_view text) noexcept;
    void continue_assembly(const Place& place, std::string_view text) noexcept;
    void give_up_assembly(const Place& place) noexcept;
    void begin_assembly(const Place& place, std::string_view text, const RequestHead& head) noexcept;
    void add(const Place& place, const RequestHead& head, std::string_view text,
             std::uint32_t flags) noexcept;
    void inspect_response(const Place& place, std::string_view text) noexcept;
    [[nodiscard]] std::string_view skip_body(const Place& place, std::string_view text) noexcept;

    AssemblyPool pool_;
    RequestBatch* batch_;
    RequestSink* sink_;
    std::uint64_t requests_ = 0;
    std::uint64_t responses_ = 0;
    std::uint64_t exhausted_ = 0;
};

}  // namespace picket::http
