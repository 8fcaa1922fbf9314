#include "controlplane/cli/flow_shapes.h"

#include <algorithm>
#include <iostream>

#include "controlplane/cli/number_text.h"

namespace picket::cli {
namespace {

std::string lower(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

std::string end_text(const std::string& address, std::uint64_t port) {
    if (port == 0) return address;
    const bool ipv6 = address.find(':') != std::string::npos;
    return (ipv6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

std::string protocol_text(const Json& row) {
    const Json& value = member(row, "proto");
    return value.is_number() ? protocol_name(value.get<unsigned>()) : plain_text(value);
}

std::string both_ways(const Json& row, const char* to_server, const char* to_client) {
    return grouped(count_at(row, to_server)) + "/" + grouped(count_at(row, to_client));
}

void print_day(const Printer& printer, const std::string& day) {
    if (!day.empty() && !printer.quiet()) std::cout << "on " << day << '\n';
}

}  // namespace

void print_flow_rows(const Printer& printer, const Json& answer) {
    const Json& rows = rows_of(answer);
    const std::string day = printer.wide() ? "" : printer.shared_day(rows, {"first"});
    std::vector<Column> columns{time_column("FIRST", 1, day),
                                {"SOURCE", Give::middle, 6, 15},
                                {"DESTINATION", Give::middle, 7, 15},
                                {"PKTS", Give::compact, 2},
                                {"BYTES", Give::compact, 2},
                                {"STATE", Give::drop, 3},
                                {"OUTCOME"},
                                {"RULES", Give::drop, 2}};
    if (printer.wide()) {
        columns.insert(columns.begin(), {"ID"});
        columns.insert(columns.begin() + 2, {"LAST"});
        columns.push_back({"HISTORY"});
        columns.push_back({"END"});
    }
    Table table(columns);
    for (const Json& row : rows) {
        std::vector<std::string> cells{
            printer.moment(member(row, "first"), day),
            end_text(text_at(row, "src_ip"), count_at(row, "src_port")),
            end_text(text_at(row, "dest_ip"), count_at(row, "dest_port")) + "/" + lower(protocol_text(row)),
            both_ways(row, "pkts_toserver", "pkts_toclient"),
            both_ways(row, "bytes_toserver", "bytes_toclient"),
            text_at(row, "state"),
            text_at(row, "outcome"),
            plain_text(member(row, "rules"))};
        if (printer.wide()) {
            cells.insert(cells.begin(), plain_text(member(row, "id")));
            cells.insert(cells.begin() + 2, printer.moment(member(row, "last")));
            cells.push_back(text_at(row, "history"));
            cells.push_back(text_at(row, "end_reason"));
        }
        table.add(std::move(cells));
    }
    print_day(printer, day);
    printer.print(table);
    if (rows.empty()) std::cout << "no flows\n";
}

void print_flow_talkers(const Printer& printer, const Json& answer) {
    const Json& rows = rows_of(answer);
    const std::string day = printer.wide() ? "" : printer.shared_day(rows, {"first", "last"});
    Table table({{"IP", Give::middle, 3, 15},
                 {has_labels(rows, "ip") ? "NAME" : "", Give::end, 4, 12},
                 {"FLOWS", Give::compact, 2},
                 {"PACKETS", Give::compact, 2},
                 {"BYTES", Give::compact, 2},
                 time_column("FIRST", 1, day),
                 time_column("LAST", 2, day)});
    for (const Json& row : rows) {
        table.add({text_at(row, "ip"), label_of(row, "ip"), grouped(count_at(row, "flows")),
                   grouped(count_at(row, "packets")), grouped(count_at(row, "bytes")),
                   printer.moment(member(row, "first"), day), printer.moment(member(row, "last"), day)});
    }
    print_day(printer, day);
    printer.print(table);
    if (rows.empty()) std::cout << "no flows\n";
}

void print_flow_timeline(const Printer& printer, const Json& answer) {
    constexpr std::size_t bar_width_max = 24;
    std::uint64_t most = 1;
    for (const Json& row : rows_of(answer)) most = std::max(most, count_at(row, "flows"));
    Table table({{"TIME"},
                 {"FLOWS", Give::compact, 2},
                 {"PACKETS", Give::compact, 2},
                 {"BYTES", Give::compact, 2},
                 {""}});
    for (const Json& row : rows_of(answer)) {
        const auto us = parse_rfc3339_us(text_at(row, "time"));
        const std::string time =
            us ? printer.times().date(*us) + " " + printer.times().seconds(*us) + printer.times().suffix(*us)
               : text_at(row, "time");
        const std::uint64_t flows = count_at(row, "flows");
        std::string bar;
        for (std::size_t i = 0; i < (flows * bar_width_max + most - 1) / most; ++i) bar += "▪";
        table.add(
            {time, grouped(flows), grouped(count_at(row, "packets")), grouped(count_at(row, "bytes")), bar});
    }
    printer.print(table);
    if (rows_of(answer).empty()) std::cout << "no flows\n";
}

void print_flow_groups(const Printer& printer, const Json& answer, const std::string& by) {
    const Json& rows = rows_of(answer);
    const std::string day = printer.wide() ? "" : printer.shared_day(rows, {"first", "last"});
    const bool by_protocol = by == "port" || by == "payload";
    Table table({{by == "rule"      ? "SID"
                  : by == "port"    ? "PORT"
                  : by == "payload" ? "PAYLOAD"
                  : by == "source"  ? "SOURCE"
                                    : "DESTINATION",
                  Give::middle, 5, 15},
                 {by == "rule"           ? "MESSAGE"
                  : by_protocol          ? "PROTO"
                  : has_labels(rows, by) ? "NAME"
                                         : "",
                  Give::end, 3, 16},
                 {"FLOWS", Give::compact, 2},
                 {"PACKETS", Give::compact, 2},
                 {"BYTES", Give::compact, 2},
                 {"SOURCES", Give::drop, 4},
                 {"DESTS", Give::drop, 4},
                 time_column("FIRST", 1, day),
                 time_column("LAST", 2, day)});
    for (const Json& row : rows) {
        const std::string label = plain_text(member(row, by.c_str()));
        const std::string detail = by == "rule"  ? text_at(row, "msg")
                                   : by_protocol ? protocol_text(row)
                                                 : label_of(row, by);
        table.add({label, detail, grouped(count_at(row, "flows")), grouped(count_at(row, "packets")),
                   grouped(count_at(row, "bytes")), grouped(count_at(row, "sources")),
                   grouped(count_at(row, "destinations")), printer.moment(member(row, "first"), day),
                   printer.moment(member(row, "last"), day)});
    }
    print_day(printer, day);
    printer.print(table);
    if (rows.empty()) std::cout << "no flows\n";
}

}  // namespace picket::cli
