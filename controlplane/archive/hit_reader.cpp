#include "controlplane/archive/hit_reader.h"

#include "controlplane/archive/flow_conditions.h"
#include "controlplane/archive/table_io.h"

namespace picket::archive {

namespace {

constexpr std::size_t alerts_max = 100'000;
constexpr std::uint64_t hour_ns = 3'600'000'000'000;

// In the order in which the rows came, as everywhere in the archive but in merged files of flows.
template <typename Row, typename Visit>
void read_all(Connection& connection, const ArchiveView& view, Table table,
              const std::vector<Column<Row>>& columns, std::optional<std::uint64_t> since_ns,
              std::optional<std::uint64_t> until_ns, const std::string& condition, Visit&& visit) {
    const std::string list = file_list(view.files, table, since_ns, until_ns);
    if (list.empty()) return;
    const auto pointers = pointers_to(columns);
    const auto failure = read_rows(
        connection, "SELECT " + names_of(pointers) + " FROM read_parquet(" + list + ") WHERE " + condition,
        pointers, visit);
    if (failure) throw ArchiveUnreadable("the archive's files cannot be read: " + *failure);
}

std::string hit_condition(const store::Query& query) {
    std::string condition = "true";
    const auto add = [&](const std::string& text) { condition += " AND " + text; };
    if (query.since_ns) add("\"time\" >= make_timestamp_ns(" + std::to_string(*query.since_ns) + ")");
    if (query.until_ns && *query.until_ns <= INT64_MAX)
        add("\"time\" < make_timestamp_ns(" + std::to_string(*query.until_ns) + ")");
    if (query.rule) add("sid = " + std::to_string(query.rule->sid));
    if (query.rule && query.rule->gid) add("gid = " + std::to_string(*query.rule->gid));
    if (query.source) add(one_end_condition("client", *query.source));
    if (query.destination_port) add("server_port = " + std::to_string(*query.destination_port));
    return condition;
}

}  // namespace

void read_hits(Connection& connection, const ArchiveView& view, const store::Query& query,
               const Archive::VisitHit& visit) {
    read_all(connection, view, Table::hits, hit_columns(), query.since_ns, query.until_ns,
             hit_condition(query), visit);
    view.open.hits.for_each(visit);
}

AlertAnswer read_alerts(Connection& connection, const ArchiveView& view,
                        std::optional<std::uint64_t> since_ns, std::optional<std::uint64_t> until_ns) {
    // An alert is of an hour: with all of its hits it is what it was when it was live.
    if (since_ns) *since_ns -= *since_ns % hour_ns;
    if (until_ns) *until_ns = (*until_ns / hour_ns + 1) * hour_ns;
    detect::AlertTable table(alerts_max);
    const auto add = [&](const AlertRow& row) {
        const std::uint64_t time_ns = row.hit.time_ns;
        if ((!since_ns || time_ns >= *since_ns) && (!until_ns || time_ns < *until_ns)) table.add(hit_of(row));
    };
    read_all(connection, view, Table::alerts, alert_columns(), since_ns, until_ns, "true", add);
    view.open.alerts.for_each(add);
    return {table.all(), table.horizon_ns()};
}

std::vector<LossRow> read_losses(Connection& connection, const ArchiveView& view,
                                 std::optional<std::uint64_t> since_ns,
                                 std::optional<std::uint64_t> until_ns) {
    std::vector<LossRow> losses;
    const auto add = [&](const LossRow& row) {
        if ((!since_ns || row.end_ns >= *since_ns) && (!until_ns || row.begin_ns < *until_ns))
            losses.push_back(row);
    };
    read_all(connection, view, Table::coverage, loss_columns(), since_ns, until_ns, "true", add);
    view.open.losses.for_each(add);
    return losses;
}

}  // namespace picket::archive
