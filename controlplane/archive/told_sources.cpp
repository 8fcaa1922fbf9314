#include "controlplane/archive/told_sources.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "controlplane/archive/flow_amounts.h"
#include "controlplane/archive/flow_conditions.h"
#include "controlplane/archive/flow_index.h"
#include "controlplane/archive/flow_reader.h"
#include "controlplane/archive/shown_flows.h"
#include "controlplane/archive/table_io.h"

namespace picket::archive {

namespace {

using AmountsByFile = std::map<std::string, std::vector<SourceAmounts>>;

constexpr std::size_t amounts_max = 262'144;  // of more it is faster to read the rows
// The clock of the data plane's host may be set between a walk and the end of a flow.
constexpr std::uint64_t clock_margin_ns = 60'000'000'000;

store::Totals sum_of(const std::vector<SourceAmounts>& amounts) {
    store::Totals sum;
    for (const auto& one : amounts) sum.add(one.totals);
    return sum;
}

// All its flows are of the query's interval, and none is live or was when the tables were walked: such a
// flow's last packet is not before the one that the walk saw. live_last_ns: the earliest of those, 0 if there
// are none.
bool may_be_told(const ArchiveFile& file, const store::Query& query,
                 std::optional<std::uint64_t> live_last_ns) {
    const FileEntry& entry = file.entry();
    return entry.amounts &&
           (!live_last_ns ||
            (*live_last_ns > clock_margin_ns && entry.last_ns < *live_last_ns - clock_margin_ns)) &&
           (!query.since_ns || entry.first_ns >= *query.since_ns) &&
           (!query.until_ns || entry.last_ns < *query.until_ns);
}

// Those in which the first rows by time may be: as many flows lie on one side of a moment, and these files
// have a flow there.
void leave_out_first_rows(const store::Query& query, AmountsByFile& amounts) {
    std::vector<store::Totals> files;
    for (const auto& [path, sources] : amounts) files.push_back(sum_of(sources));
    const bool descending = query.descending;
    std::sort(files.begin(), files.end(), [&](const store::Totals& a, const store::Totals& b) {
        return descending ? a.first_ns > b.first_ns : a.last_ns < b.last_ns;
    });
    std::uint64_t flows = 0;
    std::uint64_t moment_ns = descending ? UINT64_MAX : 0;
    for (const auto& file : files) {
        if (flows >= *query.limit) break;
        flows += file.flows;
        moment_ns = descending ? file.first_ns : file.last_ns;
    }
    if (flows < *query.limit) {
        amounts.clear();
        return;
    }
    std::erase_if(amounts, [&](const auto& file) {
        const store::Totals sum = sum_of(file.second);
        return sum.flows > 0 && (descending ? sum.last_ns >= moment_ns : sum.first_ns <= moment_ns);
    });
}

// Reads the ends of a file's flows, and finds as many as were added up.
class OtherEnds {
  public:
    OtherEnds(Connection& connection, std::string condition)
        : connection_(connection), condition_(std::move(condition)) {}

    void add(const std::vector<FilePointer>& files, bool some_are_others, std::uint64_t flows,
             store::FlowShaper& shaper) {
        if (files.empty()) return;
        const std::string told = some_are_others ? " AND " + std::string(told_flow) : "";
        const auto failure =
            read_rows(connection_,
                      "SELECT " + names_of(pointers_to(columns_)) + " FROM read_parquet(" +
                          file_list(files, Table::flows, {}, {}) + ") WHERE " + condition_ + told,
                      pointers_to(columns_), [&](const api::Address& destination) {
                          shaper.add_destination(destination);
                          --flows;
                      });
        if (failure) throw ArchiveUnreadable("the archive's files cannot be read: " + *failure);
        if (flows != 0)
            throw ArchiveUnreadable(
                "indexes of the archive tell another number of flows than its files (" +
                files.front()->sources_path() +
                " or others): move them away while no picketd runs, and questions read all rows");
    }

  private:
    Connection& connection_;
    std::string condition_;
    std::vector<Column<api::Address>> columns_ = destination_columns();
};

}  // namespace

const store::NetworkSet* told_addresses(const store::Query& query) {
    const bool totals = query.shape == store::Shape::sum || query.shape == store::Shape::talkers;
    if ((!totals && !shows_few(query)) || !store::is_of_addresses_and_times(query) || query.records ||
        query.every_field || query.destination)
        return nullptr;
    const store::NetworkSet* only = nullptr;
    for (const auto& networks : {query.hosts, query.watch, query.source}) {
        if (!networks) continue;
        if (only != nullptr || !is_strict(*networks)) return nullptr;
        only = networks.get();
    }
    return only;
}

ToldSources tell_sources(Connection& connection, const std::vector<FilePointer>& files,
                         const store::Query& query, const store::NetworkSet& set,
                         std::span<const store::StoredFlow> live, store::FlowShaper& shaper) {
    std::optional<std::uint64_t> live_last_ns;
    for (const auto& flow : live) live_last_ns = std::min(live_last_ns.value_or(UINT64_MAX), flow.last_ns);
    std::vector<FilePointer> candidates;
    for (const auto& file : files) {
        const auto& range = file->entry().sources;
        if (may_be_told(*file, query, live_last_ns) && (!range || reaches(set, *range)))
            candidates.push_back(file);
    }
    AmountsByFile amounts;
    for (const auto& file : candidates) amounts[file->path()];  // that has none has to be found without rows
    if (!read_amounts_of_sources(connection, candidates, set, amounts_max, amounts)) return {};
    if (query.shape == store::Shape::rows) leave_out_first_rows(query, amounts);
    ToldSources told;
    std::vector<FilePointer> whole;
    std::vector<FilePointer> mixed;
    std::uint64_t flows_whole = 0;
    std::uint64_t flows_mixed = 0;
    for (const auto& file : candidates) {
        const auto found = amounts.find(file->path());
        if (found == amounts.end()) continue;
        const bool others = std::any_of(found->second.begin(), found->second.end(),
                                        [](const auto& one) { return one.others > 0; });
        (others ? mixed : whole).push_back(file);
        (others ? flows_mixed : flows_whole) += sum_of(found->second).flows;
        (others ? told.with_others : told.all).insert(file->path());
    }
    if (query.counts_ends) {
        // So many destinations may be no more than what is kept for rows.
        if (query.shape == store::Shape::rows && flows_whole + flows_mixed > archived_parts_max) return {};
        OtherEnds ends(connection, end_conditions(query, set).source);
        ends.add(whole, false, flows_whole, shaper);
        ends.add(mixed, true, flows_mixed, shaper);
    }
    for (const auto& [path, sources] : amounts) {
        for (const auto& one : sources) {
            if (one.totals.flows > 0) shaper.add_source(one.source, one.totals);
        }
    }
    return told;
}

}  // namespace picket::archive
