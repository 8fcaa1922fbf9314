// HTTP requests in memory, joined with their responses and found by flow; the newest are kept.
//
// Thread-safe. Bounded by a number of requests and of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "controlplane/store/flat_map.h"
#include "controlplane/store/request_source.h"

namespace picket::store {

class RequestStore final : public RequestSource {
  public:
    RequestStore(std::size_t requests_max, std::size_t bytes_max)
        : requests_max_(requests_max), bytes_max_(bytes_max) {}

    void add(StoredRequest request);
    // Completes the request that the response answers, if it is still kept.
    void add_response(const FlowKey& flow, std::uint32_t request, const Response& response);
    void add_response_end(const FlowKey& flow, std::uint32_t request, std::int64_t body_bytes);

    // One request, if it is still kept.
    [[nodiscard]] std::optional<StoredRequest> one(const FlowKey& flow, std::uint32_t request);
    // Requests of a flow that are still kept, in their order.
    [[nodiscard]] std::vector<StoredRequest> of_flow(const FlowKey& flow) const override;
    // The newest ones, oldest first.
    [[nodiscard]] std::vector<StoredRequest> last(std::size_t count) const;
    // Of the newest request that was thrown away, and flows may lack; 0: none was.
    [[nodiscard]] std::uint64_t horizon_ns() const;

  private:
    struct Entry {
        StoredRequest request;
        std::uint64_t previous = 0;  // sequence number of the flow's request before, 0 if none
        std::size_t bytes = 0;
    };

    [[nodiscard]] const Entry* entry(std::uint64_t sequence) const noexcept;
    [[nodiscard]] Entry* entry(std::uint64_t sequence) noexcept;
    [[nodiscard]] StoredRequest* find(const FlowKey& flow, std::uint32_t request) noexcept;
    void throw_away_oldest();

    std::size_t requests_max_;
    std::size_t bytes_max_;
    mutable std::mutex mutex_;
    std::deque<Entry> entries_;
    std::uint64_t first_sequence_ = 1;  // of entries_.front()
    std::size_t bytes_ = 0;
    std::uint64_t horizon_ns_ = 0;
    FlatMap<FlowKey, std::uint64_t> newest_;  // sequence number of the flow's newest request
};

}  // namespace picket::store
