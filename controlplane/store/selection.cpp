#include "controlplane/store/selection.h"

#include <algorithm>

namespace picket::store {

namespace {

// Adds up flows of several parts. Most flows have one part and never come here.
class Merger {
  public:
    explicit Merger(std::vector<StoredFlow> live) : live_(std::move(live)) {
        for (std::size_t i = 0; i < live_.size(); ++i) {
            // A worker may show a flow twice when its table moves under the walk: the later part counts.
            Entry& entry = entries_[live_[i].key()];
            if (!entry.live || entry.live->part <= live_[i].part) entry.live = &live_[i];
        }
    }

    // False if the part is a whole flow by itself.
    bool take(const StoredFlow& part) {
        const bool whole = part.part == 1 && part.final;
        if (whole && entries_.empty()) return false;
        Entry* known = entries_.find(part.key());
        if (whole && !known) return false;
        Entry& entry = known ? *known : entries_[part.key()];
        if (entry.live && entry.live->part <= part.part) entry.live = nullptr;
        if (entry.has_total) {
            add_part(entry.total, part);
        } else {
            entry.total = part;
            entry.has_total = true;
        }
        return true;
    }

    template <typename Visit>
    void for_each_flow(Visit&& visit) const {
        entries_.for_each([&](const FlowKey&, const Entry& entry) {
            if (!entry.has_total && !entry.live) return;
            if (!entry.has_total) return visit(*entry.live);
            StoredFlow total = entry.total;
            if (entry.live) add_part(total, *entry.live);
            visit(total);
        });
    }

    // Live parts that have not ended since.
    template <typename Visit>
    void for_each_live(Visit&& visit) const {
        entries_.for_each([&](const FlowKey&, const Entry& entry) {
            if (entry.live) visit(*entry.live);
        });
    }

  private:
    struct Entry {
        StoredFlow total;
        const StoredFlow* live = nullptr;
        bool has_total = false;
    };
    std::vector<StoredFlow> live_;
    FlatMap<FlowKey, Entry> entries_;
};

std::uint64_t sort_value(SortKey key, const StoredFlow& flow, bool records) noexcept {
    const std::uint64_t first = records ? flow.part_first_ns : flow.start_ns;
    switch (key) {
        case SortKey::first:
            return first;
        case SortKey::last:
            return flow.last_ns;
        case SortKey::packets:
            return flow.packets();
        case SortKey::bytes:
            return flow.bytes();
        case SortKey::duration:
            return flow.last_ns - first;
    }
    return 0;
}

void sort_rows(Selection& selection, const Query& query, bool limited) {
    auto& rows = selection.rows;
    const auto before = [&](const StoredFlow* a, const StoredFlow* b) {
        const auto value_a = sort_value(query.sort, *a, query.records);
        const auto value_b = sort_value(query.sort, *b, query.records);
        if (value_a != value_b) return query.descending ? value_a > value_b : value_a < value_b;
        if (a->start_ns != b->start_ns) return a->start_ns < b->start_ns;
        if (a->id != b->id) return a->id < b->id;
        return a->run != b->run ? a->run < b->run : a->part < b->part;
    };
    if (limited && query.limit && *query.limit < rows.size()) {
        const auto end = rows.begin() + static_cast<std::ptrdiff_t>(*query.limit);
        std::partial_sort(rows.begin(), end, rows.end(), before);
        rows.erase(end, rows.end());
        selection.truncated = true;
    } else {
        std::sort(rows.begin(), rows.end(), before);
    }
}

}  // namespace

Selection select_flows(std::shared_ptr<const FlowSnapshot> snapshot, std::vector<StoredFlow> live,
                       const Query& query, const QueryJoin& join, bool limited) {
    Selection selection;
    selection.snapshot = std::move(snapshot);
    Merger merger(std::move(live));
    FlatMap<FlowKey, std::uint8_t> distinct;
    const auto keep_copy = [&](const StoredFlow& flow) {
        if (!matches(query, flow, join)) return;
        selection.merged.push_back(flow);
        selection.rows.push_back(&selection.merged.back());
        if (query.records) distinct[flow.key()] = 1;
    };
    selection.snapshot->for_each_part([&](const StoredFlow& part) {
        const bool merged = merger.take(part);
        if ((merged && !query.records) || !matches(query, part, join)) return;
        selection.rows.push_back(&part);
        if (query.records) distinct[part.key()] = 1;
    });
    if (query.records) {
        merger.for_each_live(keep_copy);
    } else {
        merger.for_each_flow(keep_copy);
    }
    selection.distinct_flows = query.records ? distinct.size() : selection.rows.size();
    sort_rows(selection, query, limited);
    return selection;
}

}  // namespace picket::store
