#include "controlplane/store/request_store.h"

#include <algorithm>

namespace picket::store {

namespace {

std::size_t bytes_of(const StoredRequest& request) noexcept {
    return sizeof(StoredRequest) + request.method.size() + request.uri.size() +
           request.uri_normalized.size() + request.host.size() + request.user_agent.size() +
           request.referer.size() + request.version.size();
}

}  // namespace

const RequestStore::Entry* RequestStore::entry(std::uint64_t sequence) const noexcept {
    if (sequence < first_sequence_ || sequence - first_sequence_ >= entries_.size()) return nullptr;
    return &entries_[sequence - first_sequence_];
}

RequestStore::Entry* RequestStore::entry(std::uint64_t sequence) noexcept {
    if (sequence < first_sequence_ || sequence - first_sequence_ >= entries_.size()) return nullptr;
    return &entries_[sequence - first_sequence_];
}

void RequestStore::add(StoredRequest request) {
    if (requests_max_ == 0) return;
    const std::lock_guard lock(mutex_);
    const FlowKey flow = request.flow;
    Entry entry{std::move(request), 0, 0};
    entry.bytes = bytes_of(entry.request);
    bytes_ += entry.bytes;
    const std::uint64_t sequence = first_sequence_ + entries_.size();
    std::uint64_t& newest = newest_[flow];
    entry.previous = newest;
    newest = sequence;
    entries_.push_back(std::move(entry));
    while (entries_.size() > requests_max_ || (bytes_ > bytes_max_ && entries_.size() > 1)) {
        throw_away_oldest();
    }
}

void RequestStore::throw_away_oldest() {
    const Entry& oldest = entries_.front();
    const std::uint64_t* newest = newest_.find(oldest.request.flow);
    if (newest && *newest == first_sequence_) newest_.erase(oldest.request.flow);
    bytes_ -= oldest.bytes;
    horizon_ns_ = std::max(horizon_ns_, oldest.request.time_ns);
    entries_.pop_front();
    ++first_sequence_;
}

// REQUIRES: the lock is held. nullptr if the request is not kept.
StoredRequest* RequestStore::find(const FlowKey& flow, std::uint32_t request) noexcept {
    const std::uint64_t* newest = newest_.find(flow);
    if (!newest) return nullptr;
    for (Entry* at = entry(*newest); at != nullptr; at = entry(at->previous)) {
        if (at->request.request == request) return &at->request;
    }
    return nullptr;
}

std::optional<StoredRequest> RequestStore::one(const FlowKey& flow, std::uint32_t request) {
    const std::lock_guard lock(mutex_);
    const StoredRequest* found = find(flow, request);
    return found != nullptr ? std::optional(*found) : std::nullopt;
}

void RequestStore::add_response(const FlowKey& flow, std::uint32_t request, const Response& response) {
    const std::lock_guard lock(mutex_);
    if (StoredRequest* answered = find(flow, request)) answered->answer(response);
}

void RequestStore::add_response_end(const FlowKey& flow, std::uint32_t request, std::int64_t body_bytes) {
    const std::lock_guard lock(mutex_);
    if (StoredRequest* answered = find(flow, request)) answered->body_bytes = body_bytes;
}

std::vector<StoredRequest> RequestStore::of_flow(const FlowKey& flow) const {
    const std::lock_guard lock(mutex_);
    std::vector<StoredRequest> requests;
    const std::uint64_t* newest = newest_.find(flow);
    if (!newest) return requests;
    for (const Entry* at = entry(*newest); at != nullptr; at = entry(at->previous)) {
        requests.push_back(at->request);
    }
    std::reverse(requests.begin(), requests.end());
    return requests;
}

std::uint64_t RequestStore::horizon_ns() const {
    const std::lock_guard lock(mutex_);
    return horizon_ns_;
}

std::vector<StoredRequest> RequestStore::last(std::size_t count) const {
    const std::lock_guard lock(mutex_);
    const std::size_t from = entries_.size() > count ? entries_.size() - count : 0;
    std::vector<StoredRequest> requests;
    for (std::size_t i = from; i < entries_.size(); ++i) requests.push_back(entries_[i].request);
    return requests;
}

}  // namespace picket::store
