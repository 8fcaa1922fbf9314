// Holds requests until their response has come, its body too, or their flow has ended, so that one event can
// tell both.
//
// Not thread-safe; the drain thread owns it. Bounded: where too many wait, the oldest of the flow (or the
// newcomer, if all flows together hold too many) goes on without its response.
#pragma once

#include <functional>
#include <vector>

#include "controlplane/store/flat_map.h"
#include "controlplane/store/stored_request.h"

namespace picket::exporter {

class RequestJoiner {
  public:
    using Complete = std::function<void(const store::StoredRequest&)>;

    explicit RequestJoiner(Complete complete) : complete_(std::move(complete)) {}

    void add(store::StoredRequest request);
    void add_response(const store::FlowKey& flow, std::uint32_t request, const store::Response& response);
    void add_response_end(const store::FlowKey& flow, std::uint32_t request, std::int64_t body_bytes);
    void flow_ended(const store::FlowKey& flow);
    void finish();  // all that wait go on

    static constexpr std::size_t waiting_in_flow_max = 64;
    static constexpr std::size_t waiting_max = 200'000;

  private:
    // Changes the request that waits, and completes it if change says so.
    template <typename Change>
    void join(const store::FlowKey& flow, std::uint32_t request, Change change);

    Complete complete_;
    store::FlatMap<store::FlowKey, std::vector<store::StoredRequest>> waiting_;
    std::size_t count_ = 0;
};

}  // namespace picket::exporter
