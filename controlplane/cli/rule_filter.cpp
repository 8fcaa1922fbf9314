#include "controlplane/cli/rule_filter.h"

#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/cli/control_client.h"
#include "controlplane/cli/number_text.h"
#include "controlplane/cli/table.h"

namespace picket::cli {
namespace {

double share_of(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string percent(double share) {
    return share > 0 && share < 0.000'005 ? "<0.001 %" : fixed(100 * share, 3) + " %";
}

// One row an element: rules that share one are found together.
std::vector<Json> elements_of(const Json& answer) {
    std::map<std::pair<std::string, std::string>, Json> elements;
    for (const Json& row : rows_of(answer)) {
        const Json& element = member(row, "element");
        if (!element.is_object()) continue;  // judged always
        const auto key = std::pair(text_at(element, "text"), text_at(element, "pattern"));
        Json& sum = elements.try_emplace(key, element).first->second;
        sum["found"] = std::max(count_at(sum, "found"), count_at(row, "found"));
        sum["judged"] = count_at(sum, "judged") + count_at(row, "candidates");
        sum["hits"] = count_at(sum, "hits") + count_at(row, "hits");
        sum["rules"] = count_at(sum, "rules") + 1;
        sum["sids"].push_back(member(row, "sid"));
    }
    std::vector<Json> rows;
    for (auto& [key, element] : elements) {
        element["share"] =
            share_of(count_at(element, "found"), count_at(member(answer, "scanned"), key.first.c_str()));
        rows.push_back(std::move(element));
    }
    std::ranges::stable_sort(rows, std::greater(), [](const Json& row) { return number_at(row, "share"); });
    return rows;
}

}  // namespace

int show_rule_filter(const Context& context, std::size_t rows_max) {
    const Printer printer(context);
    ControlClient client(context.socket);
    Json answer = client.get("/v1/rules/cost");
    answer["rows"] = elements_of(answer);
    printer.prepare(answer);
    if (printer.print_plain(answer, {"text", "pattern", "kind", "share", "expected_share", "found", "judged",
                                     "hits", "rules", "sids"})) {
        return status_done;
    }
    Table table({{"SHARE"},
                 {"EXPECTED", Give::drop, 3},
                 {"FOUND", Give::compact, 2},
                 {"JUDGED", Give::compact, 2},
                 {"HITS", Give::compact, 2},
                 {"RULES"},
                 {"TEXT"},
                 {"ELEMENT", Give::end, 1, 24}});
    for (const Json& row : rows_of(answer)) {
        if (table.size() == rows_max) break;
        const Json& expected = member(row, "expected_share");
        table.add({percent(number_at(row, "share")),
                   expected.is_number() ? percent(expected.get<double>()) : "",
                   grouped(count_at(row, "found")), grouped(count_at(row, "judged")),
                   grouped(count_at(row, "hits")), grouped(count_at(row, "rules")), text_at(row, "text"),
                   text_at(row, "pattern")});
    }
    printer.print(table);
    const std::size_t found = rows_of(answer).size();
    std::cout << grouped(found) << (found == 1 ? " element was" : " elements were") << " found in "
              << grouped(count_at(member(answer, "scanned"), "uri")) << " requests and "
              << grouped(count_at(member(answer, "scanned"), "payload")) << " payloads of generation "
              << count_at(answer, "generation")
              << (rows_of(answer).size() > table.size() ? ", the most common are shown" : "") << '\n';
    print_coverage(printer, Json::object(), "rule show --cost");
    return status_done;
}

}  // namespace picket::cli
