#include "controlplane/archive/shown_flows.h"

#include <algorithm>
#include <functional>
#include <memory>

#include "controlplane/store/request_store.h"
#include "controlplane/store/rule_directory.h"
#include "controlplane/store/selection.h"

namespace picket::archive {

namespace {

constexpr std::size_t shown_max = 4096;  // ids in one condition

// Both outlive it.
class Borrowed final : public store::FlowSnapshot {
  public:
    Borrowed(const std::deque<store::StoredFlow>& rows, const ArchiveView& view) : rows_(rows), view_(view) {}

    void for_each_part(const std::function<void(const store::StoredFlow&)>& visit) const override {
        for (const auto& row : rows_) visit(row);
        view_.open.flows.for_each(visit);
    }
    [[nodiscard]] std::uint64_t horizon_ns() const override { return 0; }

  private:
    const std::deque<store::StoredFlow>& rows_;
    const ArchiveView& view_;
};

}  // namespace

bool shows_few(const store::Query& query) noexcept {
    const bool judged = query.rule || query.uri || query.status || query.outcome;
    const bool by_time = query.sort == store::SortKey::first || query.sort == store::SortKey::last;
    return query.shape == store::Shape::rows && !query.every_field && !judged && by_time && query.limit &&
           *query.limit <= shown_max;
}

bool ShownFlows::touch(const ArchiveFile& file) const noexcept {
    return std::any_of(times.begin(), times.end(),
                       [&](const Time& time) { return file.overlaps(time.first_ns, time.last_ns + 1); });
}

ShownFlows shown_flows(const store::Query& query, const std::deque<store::StoredFlow>& rows,
                       const ArchiveView& view, std::span<const store::StoredFlow> live) {
    // What has to be joined with requests or rules is not few.
    const store::RequestStore no_requests(1, 1);
    const store::NoRules no_rules;
    const auto selection =
        store::select_flows(std::make_shared<Borrowed>(rows, view), {live.begin(), live.end()}, query,
                            {no_requests, no_rules}, true);
    ShownFlows shown;
    for (const auto* flow : selection.rows) {
        if (shown.keys.find(flow->key()) == nullptr)
            shown.ids += (shown.ids.empty() ? "" : ", ") + std::to_string(flow->id);
        shown.keys[flow->key()] = 1;
        shown.times.push_back({flow->start_ns, flow->last_ns});
    }
    return shown;
}

store::Query without_times(store::Query query) {
    query.since_ns = query.until_ns = std::nullopt;
    query.packets_min = query.bytes_min = 0;
    query.unanswered = false;
    return query;
}

}  // namespace picket::archive
