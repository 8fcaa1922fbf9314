#include "bench/tool/report_table.h"

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

#include "bench/tool/report_json.h"
#include "controlplane/cli/number_text.h"
#include "controlplane/cli/table.h"

namespace picket::bench {
namespace {

using cli::Column;
using cli::fixed;

constexpr std::size_t terminal_width = 80;

// Three digits.
std::string figure(double value) {
    return fixed(value, value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2);
}

std::string percent(double share) {
    return fixed(share * 100, share < 0.1 && share > 0 ? 1 : 0) + " %";
}

// What all rows of a report have in common: only the number of flows differs.
std::string traffic_line(const Row& row) {
    const RowSettings& settings = row.settings;
    std::string line = std::string(mix_names[static_cast<std::size_t>(settings.mix)]);
    line += "   mean " + figure(row.frame_bytes) + " B   IPv6 " + percent(settings.ipv6);
    if (settings.requests > 0) line += "   requests " + percent(settings.requests);
    line += row.rules != 0 ? "   rules " + cli::grouped(row.rules) : "   no rules";
    if (settings.flood) {
        line += "   flood";
    } else if (row.new_flows_per_s > 0) {
        line += "   new " + cli::scaled(row.new_flows_per_s) + "/s";
    }
    line += settings.workers == 1 ? "   1 worker" : "   " + std::to_string(settings.workers) + " workers";
    if (settings.via != Via::memory)
        line += "   via " + std::string(via_names[static_cast<std::size_t>(settings.via)]);
    return line;
}

bool any(const std::vector<Row>& rows, double Row::*member) {
    return std::any_of(rows.begin(), rows.end(), [member](const Row& row) { return row.*member >= 0.005; });
}

std::vector<std::size_t> stages_shown(const std::vector<Row>& rows, bool wide) {
    std::vector<std::size_t> shown;
    for (std::size_t stage = 0; stage < timers_stage + 1; ++stage) {
        const bool used = std::any_of(rows.begin(), rows.end(),
                                      [stage](const Row& row) { return row.stages_ns[stage] >= 0.5; });
        const bool steer = stage == static_cast<std::size_t>(api::Stage::steer);
        if (wide || (used && !steer)) shown.push_back(stage);
    }
    return shown;
}

std::string upper(std::string_view text) {
    std::string result(text);
    for (char& letter : result)
        letter = static_cast<char>(letter >= 'a' && letter <= 'z' ? letter - 32 : letter);
    return result;
}

void print_rows(std::ostream& out, const Report& report, const TableStyle& style) {
    const auto stages = stages_shown(report.rows, style.wide);
    const bool uris = any(report.rows, &Row::ns_per_uri);
    std::vector<Column> columns{{"FLOWS"}, {"MPPS"}, {"GBIT/S"}, {"NS"}, {"CYCLES", cli::Give::drop, 1},
                                {"LIMIT"}};
    for (const std::size_t stage : stages) {
        const bool fragment = stage == static_cast<std::size_t>(api::Stage::fragment);
        columns.push_back({fragment && !style.wide ? "FRAGS" : upper(stage_name(stage))});
    }
    if (uris) columns.push_back({"NS/URI", cli::Give::drop, 2});
    if (style.wide) columns.push_back({"SOURCE"});
    cli::Table table(columns);
    for (const Row& row : report.rows) {
        std::vector<std::string> cells{cli::scaled(static_cast<double>(row.settings.flows)),
                                       figure(row.mpps),
                                       figure(row.gbit_per_s),
                                       figure(row.ns_per_packet),
                                       fixed(row.cycles_per_packet, 0),
                                       figure(row.memory_limit_ns)};
        for (const std::size_t stage : stages) cells.push_back(fixed(row.stages_ns[stage], 1));
        if (uris) cells.push_back(figure(row.ns_per_uri));
        if (style.wide) cells.push_back(figure(row.source_ns));
        table.add(std::move(cells));
    }
    table.print(out, style.wide ? 0 : terminal_width, style.bold);
}

void print_workers(std::ostream& out, const Row& row, const TableStyle& style) {
    if (row.workers.size() < 2) return;
    cli::Table table({{"CORE"}, {"MPPS"}, {"NS"}, {"LIMIT"}});
    for (const WorkerRow& worker : row.workers) {
        table.add({std::to_string(worker.core), figure(worker.mpps), figure(worker.ns_per_packet),
                   figure(worker.memory_limit_ns)});
    }
    table.print(out, style.wide ? 0 : terminal_width, style.bold);
    out << "together " << fixed(row.slowdown.workers, 2) << " times slower than alone; the memory limit "
        << fixed(row.slowdown.memory_limit, 2) << " times\n";
}

// "1 M flows, 64-byte frames: 1, 10 Gbit/s yes; 25, 40, 100 no".
void print_line_rates(std::ostream& out, const Row& row) {
    std::string yes;
    std::string no;
    for (const unsigned gbit : line_rates_gbit) {
        std::string& side = row.gbit_per_s >= gbit ? yes : no;
        side += (side.empty() ? "" : ", ") + std::to_string(gbit);
    }
    out << cli::scaled(static_cast<double>(row.settings.flows)) << " flows, " << fixed(row.frame_bytes, 0)
        << "-byte frames: ";
    if (!yes.empty()) out << yes << " Gbit/s yes" << (no.empty() ? "" : "; ");
    if (!no.empty()) out << no << (yes.empty() ? " Gbit/s no" : " no");
    out << '\n';
}

void print_search(std::ostream& out, const Row& row) {
    if (row.settings.via == Via::memory) return;
    const Search& search = row.search;
    out << "without loss " << figure(search.ndr_mpps) << " Mpps   with 0.5 % " << figure(search.pdr_mpps)
        << "   at most " << figure(search.mrr_mpps) << "   in " << search.trials.size() << " trials\n";
    if (search.sender_limited) out << "nothing was lost: the sender is the limit, not the worker\n";
}

void print_outcomes(std::ostream& out, const Row& row) {
    if (row.outcomes.empty()) return;
    out << "in flows " << cli::grouped(row.in_flows);
    for (const auto& [name, count] : row.outcomes) out << "   " << name << ' ' << cli::grouped(count);
    out << '\n';
}

}  // namespace

void print_report(std::ostream& out, const Report& report, const TableStyle& style) {
    const MachineInfo& machine = report.machine;
    out << machine.cpu << "   " << machine.isa << "   " << machine.cores << " cores   TSC "
        << fixed(machine.tsc_ghz, 2) << " GHz\n"
        << machine.kernel << "   hugepages: " << machine.hugepages << '\n';
    if (report.rows.empty()) return;
    const Row& first = report.rows.front();
    out << traffic_line(first) << "\nmedian of " << first.settings.runs << " runs, "
        << figure(first.settings.seconds) << " s; nanoseconds a packet\n";
    print_rows(out, report, style);
    for (const Row& row : report.rows) print_line_rates(out, row);
    for (const Row& row : report.rows) {
        print_workers(out, row, style);
        print_search(out, row);
        print_outcomes(out, row);
    }
}

}  // namespace picket::bench
