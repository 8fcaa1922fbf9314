#include "controlplane/cli/rule_cost.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>
#include <map>
#include <thread>
#include <vector>

#include "controlplane/cli/control_client.h"
#include "controlplane/cli/number_text.h"
#include "controlplane/config/quantities.h"
#include "dataplane/api/setup_error.h"

namespace picket::cli {
namespace {

constexpr const char* counts[] = {"candidates", "hits", "limits_exceeded", "cycles"};

// What was counted between two answers of the same generation.
void subtract(const Json& before, Json& after) {
    std::map<std::uint64_t, const Json*> old;
    for (const Json& row : rows_of(before)) old[count_at(row, "index")] = &row;
    std::vector<Json> rows;
    for (Json row : rows_of(after)) {
        if (const auto found = old.find(count_at(row, "index")); found != old.end()) {
            for (const char* key : counts) {
                // Estimated cycles may fall when more of the judgements are timed.
                const std::uint64_t now = count_at(row, key);
                row[key] = now - std::min(now, count_at(*found->second, key));
            }
        }
        if (count_at(row, "candidates") > 0) rows.push_back(std::move(row));
    }
    std::ranges::stable_sort(rows, std::greater(), [](const Json& row) { return count_at(row, "cycles"); });
    after["rows"] = rows;
}

// The filter's finds are another view (rule_filter.h).
void keep_judged(Json& answer) {
    std::vector<Json> rows;
    for (const Json& row : rows_of(answer)) {
        if (count_at(row, "candidates") > 0) rows.push_back(row);
    }
    answer["rows"] = rows;
}

Json ask(ControlClient& client, const std::string& interval) {
    Json answer = client.get("/v1/rules/cost");
    if (interval.empty()) {
        keep_judged(answer);
        return answer;
    }
    const auto wait_ms = config::parse_duration_ms(interval);
    if (!wait_ms || *wait_ms == 0) {
        throw SetupError("--interval " + interval, "is not a duration", "write 10s, 500ms or 1m",
                         status_usage);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(*wait_ms));
    Json later = client.get("/v1/rules/cost");
    if (count_at(later, "generation") != count_at(answer, "generation")) {
        throw SetupError("--interval " + interval, "other rules were loaded meanwhile", "measure again",
                         status_no);
    }
    subtract(answer, later);
    return later;
}

// Shares of all judging, and what one judgement takes.
void add_figures(Json& answer) {
    std::uint64_t all = 0;
    for (const Json& row : rows_of(answer)) all += count_at(row, "cycles");
    const double ns_per_cycle = count_at(answer, "tsc_hz") > 0 ? 1e9 / number_at(answer, "tsc_hz") : 0;
    for (Json& row : answer["rows"]) {
        const double cycles = number_at(row, "cycles");
        row["share"] = all > 0 ? cycles / static_cast<double>(all) : 0.0;
        row["ns_per_candidate"] = cycles * ns_per_cycle / static_cast<double>(count_at(row, "candidates"));
    }
    answer["cycles"] = all;
}

}  // namespace

int show_rule_costs(const Context& context, const std::string& interval, std::size_t rows_max) {
    const Printer printer(context);
    ControlClient client(context.socket);
    Json answer = ask(client, interval);
    add_figures(answer);
    printer.prepare(answer);
    if (printer.print_plain(answer, {"index", "gid", "sid", "rev", "msg", "file", "line", "candidates",
                                     "hits", "limits_exceeded", "cycles", "share", "ns_per_candidate"})) {
        return status_done;
    }
    Table table({{"SID"},
                 {"SHARE"},
                 {"NS", Give::drop, 3},
                 {"JUDGED", Give::compact, 2},
                 {"HITS", Give::compact, 2},
                 {"LIMITS"},
                 {"MESSAGE", Give::end, 1, 24}});
    for (const Json& row : rows_of(answer)) {
        if (table.size() == rows_max) break;
        table.add({plain_text(member(row, "sid")), fixed(100 * number_at(row, "share"), 1) + " %",
                   fixed(number_at(row, "ns_per_candidate"), 0), grouped(count_at(row, "candidates")),
                   grouped(count_at(row, "hits")), grouped(count_at(row, "limits_exceeded")),
                   text_at(row, "msg")});
    }
    printer.print(table);
    std::cout << grouped(rows_of(answer).size()) << " of " << grouped(count_at(answer, "loaded"))
              << " rules were judged "
              << (interval.empty() ? "since generation " : "in " + interval + " of generation ")
              << count_at(answer, "generation") << (interval.empty() ? " was loaded" : "")
              << (rows_of(answer).size() > table.size() ? ", the dearest are shown" : "") << '\n';
    print_coverage(printer, Json::object(),
                   interval.empty() ? "rule show --cost --interval 10s" : "rule show");
    return status_done;
}

}  // namespace picket::cli
