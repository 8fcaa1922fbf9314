// Events as lines of JSON in the manner of Suricata's EVE: flow, http, alert, stats.
//
// Not thread-safe; the drain thread owns it. A flow that was cut by the active timeout is one event, written
// at its end with its parts added up. http.length counts the body's bytes as seen. http.url is the raw
// target; bytes that are not printable ASCII are \xHH in all texts from the wire.
#pragma once

#include <rapidjson/stringbuffer.h>

#include <cstdint>
#include <string>
#include <vector>

#include "controlplane/detect/alert_table.h"
#include "controlplane/detect/counter_snapshot.h"
#include "controlplane/export/line_sink.h"
#include "controlplane/export/request_joiner.h"
#include "controlplane/store/flat_map.h"
#include "controlplane/store/stored_request.h"

namespace picket::exporter {

struct AlertTexts {
    std::string category;                           // the rule's class type
    const store::StoredRequest* request = nullptr;  // nullptr: not about a request
};

class EveWriter {
  public:
    EveWriter(const std::string& path, bool wait_when_full)
        : sink_(path, wait_when_full),
          joiner_([this](const store::StoredRequest& request) { write_request(request); }) {}

    void set_port_names(std::vector<std::string> names) { port_names_ = std::move(names); }

    void flow_part(const store::StoredFlow& part);
    void request(const store::StoredRequest& request) { joiner_.add(request); }
    void response(const store::FlowKey& flow, std::uint32_t request, const store::Response& response) {
        joiner_.add_response(flow, request, response);
    }
    void response_end(const store::FlowKey& flow, std::uint32_t request, std::int64_t body_bytes) {
        joiner_.add_response_end(flow, request, body_bytes);
    }
    // A response whose request was not seen: a request without method and target.
    void response_alone(const store::StoredRequest& response) { write_request(response); }
    void alert(const detect::Hit& hit, std::uint16_t port, const AlertTexts& texts);
    void stats(std::uint64_t time_ns, std::uint64_t uptime_seconds, const detect::CounterSnapshot& counters,
               std::uint64_t alerts);

    // Requests without response and flows without end are written too.
    void finish();
    void flush() { sink_.flush(); }
    [[nodiscard]] const LineSink& sink() const noexcept { return sink_; }

    static constexpr std::size_t unfinished_flows_max = 1'000'000;

  private:
    void write_flow(const store::StoredFlow& flow);
    void write_request(const store::StoredRequest& request);
    [[nodiscard]] const std::string& port_name(std::uint16_t port) const;

    LineSink sink_;
    rapidjson::StringBuffer buffer_;
    RequestJoiner joiner_;
    std::vector<std::string> port_names_;
    store::FlatMap<store::FlowKey, store::StoredFlow> unfinished_;  // totals of flows of several parts
};

}  // namespace picket::exporter
