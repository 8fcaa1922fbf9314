#include "controlplane/archive/flow_reader.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>

#include "controlplane/archive/flow_amounts.h"
#include "controlplane/archive/flow_columns.h"
#include "controlplane/archive/flow_conditions.h"
#include "controlplane/archive/flow_index.h"
#include "controlplane/archive/flow_rows.h"
#include "controlplane/archive/flow_totals.h"
#include "controlplane/archive/request_reader.h"
#include "controlplane/archive/shown_flows.h"
#include "controlplane/archive/table_io.h"
#include "controlplane/archive/told_sources.h"
#include "controlplane/store/flat_map.h"

namespace picket::archive {

namespace {

constexpr std::size_t ids_max = 4096;  // in one condition

class Snapshot final : public store::FlowSnapshot {
  public:
    Snapshot(std::deque<store::StoredFlow> rows, ArchiveView view, std::uint64_t horizon_ns)
        : rows_(std::move(rows)), view_(std::move(view)), horizon_ns_(horizon_ns) {}

    void for_each_part(const std::function<void(const store::StoredFlow&)>& visit) const override {
        for (const auto& row : rows_) visit(row);
        view_.open.flows.for_each(visit);
    }
    [[nodiscard]] std::uint64_t horizon_ns() const override { return horizon_ns_; }

  private:
    std::deque<store::StoredFlow> rows_;
    ArchiveView view_;
    std::uint64_t horizon_ns_;
};

bool is_whole(const store::StoredFlow& flow) noexcept {
    return flow.part == 1 && flow.final != 0;
}

// What totals need of each flow: who, when, how much, and what ties parts together.
std::set<std::string_view> total_columns(const store::Query& query) {
    std::set<std::string_view> names{"start",         "last",          "src_hi",         "src_lo",
                                     "dest_hi",       "dest_lo",       "proto",          "id",
                                     "pkts_toserver", "pkts_toclient", "bytes_toserver", "bytes_toclient",
                                     "run",           "part",          "final",          "flags"};
    const auto grouped_by = [&](store::GroupBy what) {
        return query.shape == store::Shape::by && query.group_by == what;
    };
    if (query.port || query.source_port || query.destination_port || grouped_by(store::GroupBy::port))
        names.insert({"src_port", "dest_port"});
    if (query.vlan) names.insert("vlan");
    if (query.records) names.insert("part_first");
    if (query.rule || grouped_by(store::GroupBy::rule)) names.insert({"generation", "rule_count", "rules"});
    if (grouped_by(store::GroupBy::payload)) names.insert({"payload_ts", "src_port", "dest_port"});
    // What store::is_unanswered() looks at. PERF: not payload_tc, since of TCP the history tells of each
    // first payload: it is a third of the bytes, and took a third of the time.
    if (query.unanswered || query.shape == store::Shape::sum) names.insert({"first_status", "history"});
    return names;
}

std::vector<const Column<store::StoredFlow>*> columns_for(const store::Query& query) {
    auto columns = pointers_to(flow_columns());
    const bool judged = query.outcome || query.uri || query.status;
    const bool rows = query.shape == store::Shape::rows && !shows_few(query);
    if (rows || judged || query.every_field) return columns;
    std::erase_if(columns, [names = total_columns(query)](const auto* column) {
        return !names.contains(column->name);
    });
    return columns;
}

// Addresses of which a flow must have one at an end; nullptr: none, or too many to look up.
const store::NetworkSet* narrowest_ends(const store::Query& query) {
    const store::NetworkSet* best = nullptr;
    for (const auto& networks : {query.hosts, query.watch, query.source, query.destination}) {
        if (!networks || !is_exact(*networks)) continue;
        if (best == nullptr || networks->entries().size() < best->entries().size()) best = networks.get();
    }
    return best;
}

class Reading {
  public:
    Reading(Connection& connection, const ArchiveView& view, const store::Query& query)
        : connection_(connection), view_(view), query_(query), columns_(columns_for(query)) {}

    std::deque<store::StoredFlow> run(std::span<const store::StoredFlow> live,
                                      const Archive::WholeFlows& whole) {
        // A flow that has ended since the walk is known twice: whoever adds up has to see both.
        FlowKeys walked;
        if (whole.tell) {
            for (const auto& flow : live) walked[flow.key()] = 1;
        }
        const std::string others = whole.tell && whole.totals != nullptr ? add_up(walked, *whole.totals) : "";
        const auto conditions = [&](const store::NetworkSet* judged) {
            return others + flow_conditions(query_, judged);
        };
        const auto touches = [&](const ArchiveFile& file) {
            return file.overlaps(query_.since_ns, query_.until_ns);
        };
        if (whole.totals != nullptr) add_up_sources(live, touches, *whole.totals);
        read(conditions, touches, [&](const store::StoredFlow& row) {
            if (!whole.tell || !is_whole(row) || walked.find(row.key()) != nullptr) return true;
            whole.tell(row);
            return false;
        });
        if (query_.since_ns && !query_.records) read_earlier_parts(live);
        return std::move(rows_);
    }

    // Reads of the rows those of flows that are shown once more, as rows show them.
    void complete(std::deque<store::StoredFlow>& rows, const ShownFlows& shown) {
        std::map<std::tuple<std::uint64_t, std::uint64_t, std::uint32_t>, store::StoredFlow*> places;
        std::uint64_t start_min = UINT64_MAX;
        std::uint64_t start_max = 0;
        for (auto& row : rows) {
            if (shown.keys.find(row.key()) == nullptr) continue;
            places[{row.run, row.id, row.part}] = &row;
            start_min = std::min(start_min, row.start_ns);
            start_max = std::max(start_max, row.start_ns);
        }
        if (places.empty()) return;
        columns_ = pointers_to(flow_columns());
        // PERF: what only details tell is nearly half of the bytes.
        std::erase_if(columns_, [](const auto* column) { return is_detail(column->name); });
        // PERF: a thousand numbers take 10 ms to be planned.
        const std::string ids =
            others_are_few(rows, start_min, start_max, places.size()) ? "" : "id IN (" + shown.ids + ") AND ";
        const std::string starts = started_between(start_min, start_max) + " AND ";
        const store::Query any_time = without_times(query_);
        const auto conditions = [&](const store::NetworkSet* judged) {
            return starts + ids + flow_conditions(any_time, judged);
        };
        read(
            conditions, [&](const ArchiveFile& file) { return shown.touch(file); },
            [&](const store::StoredFlow& row) {
                const auto place = places.find({row.run, row.id, row.part});
                if (place == places.end()) return false;
                *place->second = row;
                places.erase(place);
                return false;
            });
        if (!places.empty())
            throw ArchiveUnreadable("the archive's files gave " + std::to_string(places.size()) +
                                    " rows of flows once and not again; ask with -j, which reads them once");
    }

  private:
    // Of the query, without those of a set that is judged otherwise.
    using MakeConditions = std::function<std::string(const store::NetworkSet* judged)>;
    using Touches = std::function<bool(const ArchiveFile& file)>;

    // Of the rows that began in between and fulfil without_times(): are no more than half not wanted? All of
    // them are known only where the query has nothing that without_times() leaves out.
    [[nodiscard]] bool others_are_few(const std::deque<store::StoredFlow>& rows, std::uint64_t start_min,
                                      std::uint64_t start_max, std::size_t wanted) const {
        if (query_.packets_min > 0 || query_.bytes_min > 0 || query_.unanswered ||
            (query_.since_ns && start_min < *query_.since_ns))
            return false;
        const auto near = std::count_if(rows.begin(), rows.end(), [&](const store::StoredFlow& row) {
            return row.start_ns >= start_min && row.start_ns <= start_max;
        });
        return static_cast<std::size_t>(near) <= 2 * wanted;
    }

    void add_up_sources(std::span<const store::StoredFlow> live, const Touches& touches,
                        store::FlowShaper& totals) {
        const store::NetworkSet* set = told_addresses(query_);
        if (set == nullptr) return;
        std::vector<FilePointer> indexed;
        for (const auto& file : view_.files) {
            if (file->entry().table == Table::flows && touches(*file) && !file->index_path().empty())
                indexed.push_back(file);
        }
        told_ = tell_sources(connection_, indexed, query_, *set, live, totals);
    }

    // What the engine can add up; returns a condition for the other rows, empty if it has added up nothing.
    std::string add_up(const FlowKeys& walked, store::FlowShaper& totals) {
        if (!are_totals(query_) || walked.size() > ids_max) return "";
        std::string ids;
        walked.for_each([&](const store::FlowKey& key, std::uint8_t) {
            ids += (ids.empty() ? "" : ", ") + std::to_string(key.id);
        });
        const std::string condition = totalled_condition(ids);
        if (!add_totals(connection_, view_, query_, condition, totals)) return "";
        return "NOT " + condition + " AND ";
    }

    // Parts that end before the interval, of flows that reach into it: they add up to what such a flow is.
    void read_earlier_parts(std::span<const store::StoredFlow> live) {
        FlowKeys wanted;
        std::uint64_t start_min = UINT64_MAX;
        const auto want = [&](const store::StoredFlow& flow) {
            if (is_whole(flow) || flow.part < 2) return;
            wanted[flow.key()] = 1;
            start_min = std::min(start_min, flow.start_ns);
        };
        for (const auto& row : rows_) want(row);
        for (const auto& flow : live) want(flow);
        view_.open.flows.for_each([&](const store::StoredFlow& flow) {
            if (store::overlaps(query_, flow.start_ns, flow.last_ns)) want(flow);
        });
        if (wanted.empty()) return;
        std::string wanted_ids;
        if (wanted.size() <= ids_max) {
            std::string ids;
            wanted.for_each([&](const store::FlowKey& key, std::uint8_t) {
                ids += (ids.empty() ? "" : ", ") + std::to_string(key.id);
            });
            wanted_ids = " AND id IN (" + ids + ")";
        }
        const auto conditions = [&](const store::NetworkSet* judged) {
            return earlier_part_conditions(query_, start_min, judged) + wanted_ids;
        };
        read(
            conditions, [&](const ArchiveFile& file) { return file.overlaps(start_min, query_.since_ns); },
            [&](const store::StoredFlow& row) { return wanted.find(row.key()) != nullptr; });
    }

    template <typename Accept>
    void read(const MakeConditions& conditions, const Touches& touches, Accept&& accept) {
        bool too_many = false;
        for (const std::string& source : selections(conditions, touches)) {
            const auto failure = read_rows(connection_, source, columns_, [&](store::StoredFlow& row) {
                make_safe(row);
                if (too_many || !accept(row)) return;
                too_many = rows_.size() >= archived_parts_max;
                if (!too_many) rows_.push_back(row);
            });
            if (failure) throw ArchiveUnreadable("the archive's files cannot be read: " + *failure);
            if (too_many) break;
        }
        if (too_many) {
            throw ArchiveUnreadable("more than " + std::to_string(archived_parts_max) +
                                    " parts of flows would have to be looked at; narrow --since and --until, "
                                    "or name addresses or ports");
        }
    }

    // PERF: one statement with `src IN … OR dest IN …` reads every column of all blocks. Apart, the engine's
    // statistics prune sources, by which files are sorted, and the index prunes destinations: totals of one
    // address of 300 M flows in 0.6 s instead of 1.5. Not as a union: hundreds of them take a gigabyte.
    std::vector<std::string> selections(const MakeConditions& conditions, const Touches& touches) {
        std::vector<FilePointer> all;
        std::vector<FilePointer> indexed;
        const store::NetworkSet* addresses = narrowest_ends(query_);
        for (const auto& file : view_.files) {
            if (file->entry().table != Table::flows || !touches(*file)) continue;
            (addresses != nullptr && !file->index_path().empty() ? indexed : all).push_back(file);
        }
        std::vector<std::string> texts;
        const auto add = [&](const std::string& files, const std::string& condition) {
            texts.push_back("SELECT " + names_of(columns_) + " FROM read_parquet(" + files + ") WHERE " +
                            condition);
        };
        const std::string list = all.empty() ? "" : file_list(all, Table::flows, {}, {});
        if (addresses == nullptr) {
            if (!all.empty()) add(list, conditions(nullptr));
            return texts;
        }
        const EndConditions ends = end_conditions(query_, *addresses);
        const std::string others = " AND " + conditions(addresses);
        if (!all.empty()) {
            add(list, ends.source + others);
            add(list, ends.destination + others);
        }
        if (indexed.empty()) return texts;
        std::vector<FilePointer> of_sources;
        std::vector<FilePointer> of_told_sources;
        std::set<std::string> without_sources;
        for (const auto& file : indexed) {
            if (file->entry().sources && !reaches(*addresses, *file->entry().sources)) {
                without_sources.insert(file->path());
            } else if (!told_.all.contains(file->path())) {
                (told_.with_others.contains(file->path()) ? of_told_sources : of_sources).push_back(file);
            }
        }
        if (!of_sources.empty()) add(file_list(of_sources, Table::flows, {}, {}), ends.source + others);
        if (!of_told_sources.empty())
            add(file_list(of_told_sources, Table::flows, {}, {}),
                ends.source + " AND NOT " + told_flow + others);
        for (const auto& [path, blocks] : blocks_of_destination(connection_, indexed, *addresses)) {
            std::string numbers;
            for (const auto block : blocks) numbers += (numbers.empty() ? "" : ", ") + std::to_string(block);
            // The condition on sources may let more through, and must not keep rows from a file that is not
            // asked for them.
            const auto& destination =
                without_sources.contains(path) ? ends.only_destination : ends.destination;
            add(quoted(path), "block IN (" + numbers + ") AND " + destination + others);
        }
        return texts;
    }

    Connection& connection_;
    const ArchiveView& view_;
    const store::Query& query_;
    std::vector<const Column<store::StoredFlow>*> columns_;
    std::deque<store::StoredFlow> rows_;
    ToldSources told_;
};

}  // namespace

FlowAnswer read_flows(Connection& connection, ArchiveView view, const store::Query& query,
                      std::span<const store::StoredFlow> live, const Archive::WholeFlows& whole,
                      std::uint64_t horizon_ns) {
    FlowAnswer answer;
    const bool by_request = query.uri || query.status;
    Reading reading(connection, view, query);
    auto rows = reading.run(live, by_request ? Archive::WholeFlows() : whole);
    std::optional<ShownFlows> shown;
    if (shows_few(query)) {
        shown = shown_flows(query, rows, view, live);
        reading.complete(rows, *shown);
    }
    // Requests are read where they are judged or shown.
    if (by_request || query.shape == store::Shape::rows) {
        WantedFlows wanted;
        const auto want = [&](const store::StoredFlow& flow) {
            if (!shown || shown->keys.find(flow.key()) != nullptr) wanted.add(flow);
        };
        for (const auto& row : rows) want(row);
        for (const auto& flow : live) want(flow);
        view.open.flows.for_each([&](const store::StoredFlow& flow) {
            if (store::overlaps(query, flow.start_ns, flow.last_ns)) want(flow);
        });
        answer.requests = read_requests(connection, view, wanted);
    }
    answer.flows = std::make_shared<Snapshot>(std::move(rows), std::move(view), horizon_ns);
    return answer;
}

}  // namespace picket::archive
