#include "controlplane/cli/replay_report.h"

#include <algorithm>
#include <ostream>
#include <utility>
#include <vector>

#include "controlplane/cli/link_view.h"
#include "controlplane/cli/number_text.h"

namespace picket::cli {
namespace {

constexpr std::size_t lines_max = 10;  // rows of each part of the report

// "2003-08-22 19:09:54 → 22:14:09Z", the second date only where it differs.
std::string span_text(const TimeText& times, const std::string& first, const std::string& last) {
    const auto begin = parse_rfc3339_us(first);
    const auto end = parse_rfc3339_us(last);
    if (!begin || !end) return "no times";
    std::string text = times.date(*begin) + " " + times.seconds(*begin) + " → ";
    if (times.date(*end) != times.date(*begin)) text += times.date(*end) + " ";
    return text + times.seconds(*end) + times.suffix(*end);
}

void print_captures(std::ostream& out, const Printer& printer, const Json& report) {
    const Json& captures = member(report, "captures");
    std::string first;
    std::string last;
    for (const Json& capture : captures) {
        const std::string begin = text_at(capture, "first");
        const std::string end = text_at(capture, "last");
        if (!begin.empty() && (first.empty() || begin < first)) first = begin;
        if (!end.empty() && end > last) last = end;
        if (captures.size() == 1) out << text_at(capture, "file") << "   ";
    }
    if (captures.size() > 1) out << captures.size() << " captures   ";
    out << grouped(count_at(report, "packets")) << " packets   " << byte_text(number_at(report, "bytes"));
    if (!first.empty()) out << "   " << span_text(printer.times(), first, last);
    out << '\n';
}

void print_outcomes(std::ostream& out, const Json& report) {
    const Json& audit = member(report, "audit");
    std::uint64_t outcomes = 0;
    for (const auto& [name, value] : member(audit, "outcomes").items()) {
        outcomes += value.is_number() ? value.get<std::uint64_t>() : 0;
    }
    out << "audit     " << grouped(count_at(audit, "received")) << " = flows "
        << grouped(count_at(audit, "in_flows")) << " + outcomes " << grouped(outcomes)
        << (flag_at(audit, "balanced") ? "   balanced" : "   NOT BALANCED: please report this") << '\n';
    const std::string named = outcome_lines(member(audit, "outcomes"), 10);
    if (!named.empty()) out << "          " << named << '\n';
}

// The most frequent protocols by name, the rest as one number.
void print_protocols(std::ostream& out, const Json& report) {
    constexpr std::size_t named_max = 5;
    std::vector<std::pair<std::uint64_t, std::string>> counts;
    for (const auto& [name, value] : member(report, "protocols").items()) {
        if (value.is_number()) counts.emplace_back(value.get<std::uint64_t>(), name);
    }
    if (counts.empty()) return;
    std::sort(counts.rbegin(), counts.rend());
    out << "protocols";
    std::uint64_t others = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        if (i < named_max) {
            out << (i == 0 ? " " : "   ") << counts[i].second << " " << grouped(counts[i].first);
        } else {
            others += counts[i].first;
        }
    }
    out << (others == 0 ? "" : "   others " + grouped(others)) << '\n';
}

std::string on(const std::string& day) {
    return day.empty() ? "" : " on " + day;
}

// One section: its name, then a table of some of its `total` rows; nothing where there are none.
void print_section(std::ostream& out, const Printer& printer, const std::string& title, const Table& table,
                   std::uint64_t total) {
    if (table.empty()) return;
    out << '\n' << title;
    if (total > table.size()) out << ", " << table.size() << " of " << grouped(total);
    out << '\n';
    table.print(out, printer.wide() ? 0 : 80, printer.bold());
}

void print_talkers(std::ostream& out, const Printer& printer, const Json& report) {
    const Json& rows = member(report, "talkers");
    const std::string day = printer.shared_day(rows, {"first", "last"});
    Table table({{"IP", Give::middle, 3, 15},
                 {"FLOWS", Give::compact, 2},
                 {"PACKETS", Give::compact, 2},
                 {"BYTES", Give::compact, 2},
                 time_column("FIRST", 1, day),
                 time_column("LAST", 2, day)});
    std::size_t shown = 0;
    for (const Json& row : rows) {
        if (shown++ == lines_max && !printer.wide()) break;
        table.add({text_at(row, "ip"), grouped(count_at(row, "flows")), grouped(count_at(row, "packets")),
                   grouped(count_at(row, "bytes")), printer.moment(member(row, "first"), day),
                   printer.moment(member(row, "last"), day)});
    }
    print_section(out, printer, "top talkers" + on(day), table, rows.size());
}

void print_requests(std::ostream& out, const Printer& printer, const Json& report) {
    const Json& rows = member(report, "requests");
    const std::string day = printer.shared_day(rows, {"time"});
    Table table({time_column("TIME", 1, day),
                 {"SOURCE", Give::middle, 4, 15},
                 {"DESTINATION", Give::middle, 3, 15},
                 {"METHOD", Give::end, 5, 6},
                 {"URI", Give::end, 2, 20},
                 {"STATUS"}});
    std::size_t shown = 0;
    for (const Json& row : rows) {
        if (shown++ == lines_max && !printer.wide()) break;
        const std::string status = plain_text(member(row, "status"));
        table.add({printer.moment(member(row, "time"), day), text_at(row, "source"),
                   text_at(row, "destination"), text_at(row, "method"), text_at(row, "uri"),
                   status.empty() || status == "0" ? "-" : status});
    }
    print_section(out, printer, "last requests" + on(day), table, count_at(report, "http_requests"));
}

void print_alerts(std::ostream& out, const Printer& printer, const Json& report) {
    const Json& rows = member(report, "alert_rows");
    const std::string day = printer.shared_day(rows, {"first"});
    Table table({{"SID"},
                 {"COUNT"},
                 time_column("FIRST", 1, day),
                 {"SOURCE", Give::middle, 4, 15},
                 {"DESTINATION", Give::middle, 3, 15},
                 {"MESSAGE", Give::end, 2, 20}});
    std::size_t shown = 0;
    for (const Json& row : rows) {
        if (shown++ == lines_max && !printer.wide()) break;
        const std::string sid = plain_text(member(row, "sid"));
        table.add({sid.empty() || sid == "0" ? "-" : sid, grouped(count_at(row, "count")),
                   printer.moment(member(row, "first"), day), text_at(row, "source"),
                   text_at(row, "destination"), text_at(row, "msg")});
    }
    print_section(out, printer, "alerts" + on(day), table, count_at(report, "alerts"));
}

}  // namespace

Json contract_report(const Json& report) {
    Json document;
    for (const char* key : {"captures", "packets", "bytes", "audit", "link", "flows", "http_requests",
                            "alerts", "alerts_by_rule", "rules", "scanners", "workers", "seconds"}) {
        document[key] = member(report, key);
    }
    if (document["scanners"].is_null()) document["scanners"] = 0;
    return document;
}

std::string outcome_lines(const Json& outcomes, std::size_t indent) {
    constexpr std::size_t columns = 80;
    std::string text;
    std::size_t column = indent;
    for (const auto& [name, value] : outcomes.items()) {
        const auto count = value.is_number() ? value.get<std::uint64_t>() : 0;
        if (count == 0) continue;
        const std::string part = name + " " + grouped(count);
        if (text.empty()) {
            text = part;
        } else if (column + 2 + part.size() + 1 > columns) {  // one for the comma that may follow
            text += ",\n" + std::string(indent, ' ') + part;
            column = indent;
        } else {
            text += ", " + part;
            column += 2;
        }
        column += part.size();
    }
    return text;
}

void print_report(std::ostream& out, const Printer& printer, const Json& report) {
    print_captures(out, printer, report);
    out << "flows     " << grouped(count_at(report, "flows")) << "   requests "
        << grouped(count_at(report, "http_requests"));
    std::uint64_t hits = 0;
    for (const auto& [sid, count] : member(report, "alerts_by_rule").items()) {
        hits += count.is_number() ? count.get<std::uint64_t>() : 0;
    }
    out << "   alerts " << grouped(count_at(report, "alerts")) << " (" << grouped(hits)
        << (hits == 1 ? " rule hit)" : " rule hits)") << "   scanners "
        << grouped(count_at(report, "scanners")) << '\n';
    print_protocols(out, report);
    const Json& rules = member(report, "rules");
    out << "rules     " << grouped(count_at(rules, "loaded")) << " loaded   "
        << grouped(count_at(rules, "rejected")) << " rejected\n";
    print_outcomes(out, report);
    LinkView link;
    link.add(member(report, "link"));
    out << "link      " << link.text() << '\n';
    print_talkers(out, printer, report);
    print_requests(out, printer, report);
    print_alerts(out, printer, report);
    const Json& seconds = member(report, "seconds");
    out << "\nin " << fixed(number_at(seconds, "wall"), 2) << " s, " << fixed(number_at(seconds, "cpu"), 2)
        << " s of CPU, on " << member(report, "workers").size()
        << (member(report, "workers").size() == 1 ? " worker\n" : " workers\n");
}

bool print_damage(std::ostream& out, const Json& report) {
    bool damaged = false;
    std::uint64_t held = 0;
    for (const Json& capture : member(report, "captures")) {
        held += count_at(capture, "packets");
        std::string error = text_at(capture, "error");
        if (error.empty() && !flag_at(capture, "truncated")) continue;
        damaged = true;
        if (error.empty()) error = "the file ends within a packet";
        out << "picket: " << text_at(capture, "file") << ": " << error;
        if (count_at(capture, "packets") > 0) out << "; what came before was read and reported";
        out << '\n';
    }
    const std::uint64_t packets = count_at(report, "packets");
    if (packets < held) {
        damaged = true;
        out << "picket: the data plane was stopped before the end: " << grouped(packets) << " of "
            << grouped(held) << " packets are in the report; let it run to its end\n";
    }
    return damaged;
}

void print_rejected_rules(std::ostream& out, const Json& report) {
    for (const Json& reject : member(report, "rejects")) {
        out << text_at(reject, "file") << ":" << count_at(reject, "line") << ": rule rejected: ";
        const std::string option = text_at(reject, "option");
        out << (option.empty() ? "" : option + ": ") << text_at(reject, "reason") << '\n';
    }
}

}  // namespace picket::cli
