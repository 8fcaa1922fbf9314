#include "controlplane/export/request_joiner.h"

#include <algorithm>

namespace picket::exporter {

void RequestJoiner::add(store::StoredRequest request) {
    if (count_ >= waiting_max) return complete_(request);
    auto& of_flow = waiting_[request.flow];
    if (of_flow.size() >= waiting_in_flow_max) {
        complete_(of_flow.front());
        of_flow.erase(of_flow.begin());
        --count_;
    }
    of_flow.push_back(std::move(request));
    ++count_;
}

template <typename Change>
void RequestJoiner::join(const store::FlowKey& flow, std::uint32_t request, Change change) {
    auto* of_flow = waiting_.find(flow);
    if (!of_flow) return;
    const auto answered = std::find_if(of_flow->begin(), of_flow->end(),
                                       [&](const auto& waiting) { return waiting.request == request; });
    if (answered == of_flow->end() || !change(*answered)) return;
    complete_(*answered);
    of_flow->erase(answered);
    --count_;
    if (of_flow->empty()) waiting_.erase(flow);
}

void RequestJoiner::add_response(const store::FlowKey& flow, std::uint32_t request,
                                 const store::Response& response) {
    join(flow, request, [&](store::StoredRequest& answered) {
        answered.answer(response);
        return !response.goes_on;
    });
}

void RequestJoiner::add_response_end(const store::FlowKey& flow, std::uint32_t request,
                                     std::int64_t body_bytes) {
    join(flow, request, [&](store::StoredRequest& answered) {
        answered.body_bytes = body_bytes;
        return true;
    });
}

void RequestJoiner::flow_ended(const store::FlowKey& flow) {
    auto* of_flow = waiting_.find(flow);
    if (!of_flow) return;
    for (const auto& request : *of_flow) complete_(request);
    count_ -= of_flow->size();
    waiting_.erase(flow);
}

void RequestJoiner::finish() {
    waiting_.for_each([&](const store::FlowKey&, const std::vector<store::StoredRequest>& of_flow) {
        for (const auto& request : of_flow) complete_(request);
    });
    waiting_.clear();
    count_ = 0;
}

}  // namespace picket::exporter
