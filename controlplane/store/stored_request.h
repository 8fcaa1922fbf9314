// An HTTP request with its response, as picketd keeps it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "controlplane/store/stored_flow.h"
#include "dataplane/api/events.h"

namespace picket::store {

struct Response {
    std::uint16_t status = 0;
    std::string_view content_type;
    std::int64_t content_length = -1;
    std::uint64_t time_ns = 0;
    std::int64_t body_bytes = -1;
    bool goes_on = false;  // its end will be told
};

struct StoredRequest {
    FlowKey flow;
    std::uint32_t request = 0;  // 0, 1, ... within the flow
    std::uint32_t flags = 0;    // api::RequestFlag
    std::uint64_t time_ns = 0;  // UTC
    api::EventEnds ends;
    std::string method;
    std::string uri;  // raw target
    std::string uri_normalized;
    std::string host;
    std::string user_agent;
    std::string referer;
    std::string version;
    std::uint16_t status = 0;  // 0: no response seen (yet)
    std::uint64_t response_ns = 0;
    std::string content_type;
    std::int64_t content_length = -1;  // as declared
    std::int64_t body_bytes = -1;      // as seen, so far

    void answer(const Response& response) {
        status = response.status;
        content_type = response.content_type;
        content_length = response.content_length;
        body_bytes = response.body_bytes;
        response_ns = response.time_ns;
    }

    [[nodiscard]] std::string_view normalized() const noexcept {
        return uri_normalized.empty() ? uri : uri_normalized;
    }
};

}  // namespace picket::store
