#include "controlplane/archive/flow_totals.h"

#include <vector>

#include "controlplane/archive/flow_amounts.h"
#include "controlplane/archive/flow_conditions.h"
#include "controlplane/archive/table_io.h"

namespace picket::archive {

namespace {

struct SourceRow {
    api::Address source;
    store::Totals totals;
};

std::vector<Column<SourceRow>> source_columns() {
    std::vector<Column<SourceRow>> columns;
    add_address<SourceRow>(
        columns, "src", [](auto& row) -> auto& { return row.source; });
    add_amount_columns(columns);
    return columns;
}

std::vector<Column<store::TimelineBucket>> interval_columns() {
    using Row = store::TimelineBucket;
    return {
        number<Row>(
            "time", [](auto& row) -> auto& { return row.time_ns; }),
        number<Row>(
            "flows", [](auto& row) -> auto& { return row.flows; }),
        number<Row>(
            "packets", [](auto& row) -> auto& { return row.packets; }),
        number<Row>(
            "bytes", [](auto& row) -> auto& { return row.bytes; }),
    };
}

class Adding {
  public:
    Adding(Connection& connection, const std::string& from) : connection_(connection), from_(from) {}

    // False if the engine has failed before the first row.
    template <typename Row, typename Visit>
    bool read(const std::string& select, const std::string& group, const std::vector<Column<Row>>& columns,
              Visit&& visit) {
        bool told = false;
        const auto failure = read_rows(connection_, "SELECT " + select + from_ + " GROUP BY " + group,
                                       pointers_to(columns), [&](const Row& row) {
                                           told = true;
                                           visit(row);
                                       });
        if (failure && told) throw ArchiveUnreadable("the archive's files cannot be read: " + *failure);
        return !failure;
    }

  private:
    Connection& connection_;
    const std::string& from_;
};

}  // namespace

bool are_totals(const store::Query& query) {
    const bool sums = query.shape == store::Shape::sum || query.shape == store::Shape::talkers ||
                      query.shape == store::Shape::timeline;
    // Addresses are few rows, and conditions of many of them let others through.
    const bool addresses = query.hosts || query.watch || query.source || query.destination;
    const bool judged = query.rule || query.uri || query.status || query.outcome;
    return sums && !addresses && !judged && !query.records && !query.every_field;
}

std::string totalled_condition(const std::string& ids_left_out) {
    return ids_left_out.empty() ? told_flow
                                : "(" + std::string(told_flow) + " AND id NOT IN (" + ids_left_out + "))";
}

// What cannot count twice comes first, so that whatever fails leaves nothing that would.
bool add_totals(Connection& connection, const ArchiveView& view, const store::Query& query,
                const std::string& condition, store::FlowShaper& shaper) {
    const std::string files = file_list(view.files, Table::flows, query.since_ns, query.until_ns);
    if (files.empty()) return true;
    const std::string from = " FROM read_parquet(" + files + ") WHERE " + condition + " AND " +
                             flow_conditions(query) +
                             (query.unanswered ? std::string(" AND ") + unanswered_flow : "");
    Adding adding(connection, from);
    if (!adding.read("dest_hi, dest_lo", "dest_hi, dest_lo", destination_columns(),
                     [&](const api::Address& address) { shaper.add_destination(address); }))
        return false;
    std::vector<store::TimelineBucket> intervals;
    if (query.shape == store::Shape::timeline) {
        const std::string ns = std::to_string(query.interval_ns);
        const bool done = adding.read(
            "(epoch_ns(start) // " + ns + " * " + ns + ")::UBIGINT AS time, " + traffic_amounts(), "1",
            interval_columns(), [&](const store::TimelineBucket& row) { intervals.push_back(row); });
        if (!done) return false;
    }
    const std::string select = "src_hi, src_lo, " + all_amounts(query.shape == store::Shape::sum);
    if (!adding.read(select, "src_hi, src_lo", source_columns(),
                     [&](const SourceRow& row) { shaper.add_source(row.source, row.totals); }))
        return false;
    for (const auto& interval : intervals) shaper.add_interval(interval);
    return true;
}

}  // namespace picket::archive
