#include "controlplane/archive/flow_amounts.h"

namespace picket::archive {

namespace {

std::string named(const std::string& amount, const std::string& name) {
    return "coalesce(" + amount + ", 0)::UBIGINT AS " + name;
}

// IP bytes of UDP without the headers of IP and UDP.
std::string udp_payload(const std::string& direction) {
    return "sum(if(proto = 17, greatest(bytes_" + direction + "::BIGINT - pkts_" + direction +
           "::BIGINT * if(src_hi = 0 AND src_lo >> 32 = 65535, 28, 48), 0), 0))";
}

}  // namespace

std::string traffic_amounts() {
    return named("count(*)", "flows") + ", " + named("sum(pkts_toserver + pkts_toclient)", "packets") + ", " +
           named("sum(bytes_toserver + bytes_toclient)", "bytes");
}

std::string all_amounts(bool unanswered) {
    return traffic_amounts() + ", " + named("epoch_ns(min(start))", "first") + ", " +
           named("max(epoch_ns(start) + last)", "last") + ", " +
           named(udp_payload("toserver"), "udp_toserver") + ", " +
           named(udp_payload("toclient"), "udp_toclient") + ", " +
           named(unanswered ? "count_if(" + std::string(unanswered_flow) + ")" : "0", "unanswered");
}

std::vector<Column<api::Address>> destination_columns() {
    std::vector<Column<api::Address>> columns;
    add_address<api::Address>(
        columns, "dest", [](auto& row) -> auto& { return row; });
    return columns;
}

}  // namespace picket::archive
