// Rule hits in memory, each by itself; the newest are kept. What the probe ledger is made of.
//
// Thread-safe: one appender (the drain thread), any number of readers. Bounded by a number of hits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "controlplane/store/stored_flow.h"
#include "dataplane/api/events.h"

namespace picket::store {

struct StoredHit {
    FlowKey flow;
    std::uint32_t request = api::request_none;  // within the flow; request_none: a packet's payload
    std::uint64_t time_ns = 0;                  // UTC
    std::uint32_t gid = 1;
    std::uint32_t sid = 0;
    std::uint32_t rev = 0;
    std::uint32_t severity = 3;
    std::uint32_t generation = 0;
    std::string message;
    api::EventEnds ends;  // the client sent what hit
    // Of the request, else empty.
    std::string method;
    std::string uri;  // raw target
    std::string uri_normalized;
    std::string host;
    std::string referer;
};

using Hits = std::vector<std::shared_ptr<const StoredHit>>;

class HitStore {
  public:
    explicit HitStore(std::size_t hits_max) : hits_max_(hits_max) {}

    void add(StoredHit hit);
    // Hits before this went to somebody else.
    void forget_before(std::uint64_t utc_ns);
    // Hits before this may be missing; 0: none are.
    [[nodiscard]] std::uint64_t horizon_ns() const;

    // All that are kept, oldest first; they stay valid as long as the caller holds them.
    [[nodiscard]] Hits all() const;

  private:
    std::size_t hits_max_;
    mutable std::mutex mutex_;
    std::deque<std::shared_ptr<const StoredHit>> hits_;
    std::uint64_t horizon_ns_ = 0;
};

}  // namespace picket::store
