#include "controlplane/archive/request_reader.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/archive/flow_rows.h"

namespace picket::archive {

namespace {

// A body's end may be told by the timeout of its flow.
constexpr std::uint64_t response_slack_ns = 600'000'000'000;

class Requests final : public store::RequestSource {
  public:
    [[nodiscard]] std::vector<store::StoredRequest> of_flow(const store::FlowKey& flow) const override {
        const auto* requests = flows_.find(flow);
        return requests ? *requests : std::vector<store::StoredRequest>{};
    }

    void add(const store::StoredRequest& request) {
        flows_[request.flow].push_back(request);
        if (++count_ > archived_requests_max) {
            throw ArchiveUnreadable(
                "more than " + std::to_string(archived_requests_max) +
                " requests would have to be looked at; narrow --since and --until, or name "
                "addresses or ports");
        }
    }
    void answer(const ResponseRow& row) {
        auto* requests = flows_.find(row.flow);
        if (requests == nullptr) return;
        for (auto& request : *requests) {
            if (request.request != row.request) continue;
            if (row.status != 0) {
                request.answer(
                    {row.status, row.content_type, row.content_length, row.time_ns, row.body_bytes});
            } else {
                request.body_bytes = row.body_bytes;
            }
        }
    }

  private:
    store::FlatMap<store::FlowKey, std::vector<store::StoredRequest>> flows_;
    std::size_t count_ = 0;
};

}  // namespace

void WantedFlows::add(const store::StoredFlow& flow) {
    if (flow.requests == 0 && (flow.flags & api::flow_http) == 0) return;
    keys[flow.key()] = 1;
    first_ns = std::min(first_ns, flow.start_ns);
    last_ns = std::max(last_ns, flow.last_ns);
}

std::shared_ptr<const store::RequestSource> read_requests(Connection& connection, const ArchiveView& view,
                                                          const WantedFlows& wanted) {
    auto requests = std::make_shared<Requests>();
    if (wanted.keys.empty()) return requests;
    const std::uint64_t until_ns = wanted.last_ns + response_slack_ns;
    const auto is_wanted = [&](const auto& row) { return wanted.keys.find(row.flow) != nullptr; };
    read_rows_of(connection, view, Table::requests, request_columns(), wanted.keys, wanted.first_ns, until_ns,
                 [&](const store::StoredRequest& row) { requests->add(row); });
    view.open.requests.for_each([&](const store::StoredRequest& row) {
        if (is_wanted(row)) requests->add(row);
    });
    read_rows_of(connection, view, Table::responses, response_columns(), wanted.keys, wanted.first_ns,
                 until_ns, [&](const ResponseRow& row) { requests->answer(row); });
    view.open.responses.for_each([&](const ResponseRow& row) {
        if (is_wanted(row)) requests->answer(row);
    });
    return requests;
}

}  // namespace picket::archive
