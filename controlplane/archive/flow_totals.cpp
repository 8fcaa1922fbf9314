#include "controlplane/archive/flow_totals.h"

#include <vector>

#include "controlplane/archive/flow_conditions.h"
#include "controlplane/archive/table_io.h"

namespace picket::archive {

namespace {

struct SourceRow {
    api::Address source;
    store::Totals totals;
};

std::vector<Column<SourceRow>> source_columns() {
    using Row = SourceRow;
    std::vector<Column<Row>> columns;
    add_address<Row>(
        columns, "src", [](auto& row) -> auto& { return row.source; });
    const auto add = [&](const char* name, auto field) { columns.push_back(number<Row>(name, field)); };
    add(
        "flows", [](auto& row) -> auto& { return row.totals.flows; });
    add(
        "packets", [](auto& row) -> auto& { return row.totals.packets; });
    add(
        "bytes", [](auto& row) -> auto& { return row.totals.bytes; });
    add(
        "first", [](auto& row) -> auto& { return row.totals.first_ns; });
    add(
        "last", [](auto& row) -> auto& { return row.totals.last_ns; });
    add(
        "udp_toserver", [](auto& row) -> auto& { return row.totals.udp_payload[0]; });
    add(
        "udp_toclient", [](auto& row) -> auto& { return row.totals.udp_payload[1]; });
    add(
        "unanswered", [](auto& row) -> auto& { return row.totals.unanswered; });
    return columns;
}

std::vector<Column<api::Address>> destination_columns() {
    std::vector<Column<api::Address>> columns;
    add_address<api::Address>(
        columns, "dest", [](auto& row) -> auto& { return row; });
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

// As store::Totals::add has it: IP bytes of UDP without the headers of IP and UDP.
std::string udp_payload(const std::string& direction) {
    return "sum(if(proto = 17, greatest(bytes_" + direction + "::BIGINT - pkts_" + direction +
           "::BIGINT * if(src_hi = 0 AND src_lo >> 32 = 65535, 28, 48), 0), 0))::UBIGINT AS udp_" + direction;
}

// As store::is_unanswered and StoredFlow::responder_sent_payload have it: no TCP flow has first bytes that
// its history does not tell of.
constexpr const char* unanswered =
    "if(proto = 6, first_status = 0 AND NOT contains(history::VARCHAR, 'd'), pkts_toclient = 0)";

constexpr const char* amounts =
    "count(*)::UBIGINT AS flows, sum(pkts_toserver + pkts_toclient)::UBIGINT AS packets, "
    "sum(bytes_toserver + bytes_toclient)::UBIGINT AS bytes";

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
    // Addresses are few rows, and their conditions let some through that are none of the set's.
    const bool addresses = query.hosts || query.watch || query.source || query.destination;
    const bool judged = query.rule || query.uri || query.status || query.outcome;
    return sums && !addresses && !judged && !query.records && !query.every_field;
}

std::string totalled_condition(const std::string& ids_left_out) {
    // What imported flows do not tell is not to be added up: flags has bit 31.
    std::string condition = "(" + std::string(whole_flow) + " AND flags < 2147483648";
    if (!ids_left_out.empty()) condition += " AND id NOT IN (" + ids_left_out + ")";
    return condition + ")";
}

// What cannot count twice comes first, so that whatever fails leaves nothing that would.
bool add_totals(Connection& connection, const ArchiveView& view, const store::Query& query,
                const std::string& condition, store::FlowShaper& shaper) {
    const std::string files = file_list(view.files, Table::flows, query.since_ns, query.until_ns);
    if (files.empty()) return true;
    const std::string from = " FROM read_parquet(" + files + ") WHERE " + condition + " AND " +
                             flow_conditions(query) +
                             (query.unanswered ? std::string(" AND ") + unanswered : "");
    Adding adding(connection, from);
    if (!adding.read("dest_hi, dest_lo", "dest_hi, dest_lo", destination_columns(),
                     [&](const api::Address& address) { shaper.add_destination(address); }))
        return false;
    std::vector<store::TimelineBucket> intervals;
    if (query.shape == store::Shape::timeline) {
        const std::string ns = std::to_string(query.interval_ns);
        const bool done = adding.read(
            "(epoch_ns(start) // " + ns + " * " + ns + ")::UBIGINT AS time, " + amounts, "1",
            interval_columns(), [&](const store::TimelineBucket& row) { intervals.push_back(row); });
        if (!done) return false;
    }
    const std::string select =
        "src_hi, src_lo, " + std::string(amounts) +
        ", epoch_ns(min(start))::UBIGINT AS first, "
        "max(epoch_ns(start) + last)::UBIGINT AS last, " +
        udp_payload("toserver") + ", " + udp_payload("toclient") + ", " +
        (query.shape == store::Shape::sum ? "count_if(" + std::string(unanswered) + ")::UBIGINT"
                                          : std::string("0::UBIGINT")) +
        " AS unanswered";
    if (!adding.read(select, "src_hi, src_lo", source_columns(),
                     [&](const SourceRow& row) { shaper.add_source(row.source, row.totals); }))
        return false;
    for (const auto& interval : intervals) shaper.add_interval(interval);
    return true;
}

}  // namespace picket::archive
