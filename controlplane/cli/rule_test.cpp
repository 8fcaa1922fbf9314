#include "controlplane/cli/rule_test.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>
#include <utility>
#include <vector>

#include "controlplane/cli/number_text.h"
#include "controlplane/cli/replay_report.h"
#include "controlplane/cli/time_text.h"

namespace picket::cli {
namespace {

struct TestOptions {
    std::string file;
    ReplayOptions replay;
};

// Hits, alerts and URIs of each rule that hit; rates where the captures cover some time.
Json rehearsal_of(const Json& report) {
    const double hours = covered_seconds(member(report, "captures")) / 3600;
    const auto rate = [&](const Json& row, const char* key) {
        return hours > 0 && member(row, key).is_number() ? Json(number_at(row, key) / hours) : Json();
    };
    Json answer{{"rules", member(report, "rules")}, {"rows", Json::array()}};
    Json sum{{"hits", 0}, {"alerts", 0}};
    for (const Json& rule : member(report, "rules_hit")) {
        Json row = rule;
        row["hits_per_hour"] = rate(row, "hits");
        row["alerts_per_hour"] = rate(row, "alerts");
        for (const char* key : {"hits", "alerts"}) {
            // There may be more alerts than are kept; then nobody knows how many.
            const bool known = member(sum, key).is_number() && member(row, key).is_number();
            sum[key] = known ? Json(count_at(sum, key) + count_at(row, key)) : Json();
        }
        answer["rows"].push_back(std::move(row));
    }
    answer["hits"] = sum["hits"];
    answer["alerts"] = sum["alerts"];
    answer["hours"] = hours;
    answer["hits_per_hour"] = rate(sum, "hits");
    answer["alerts_per_hour"] = rate(sum, "alerts");
    return answer;
}

std::string rate_text(const Json& row, const char* key) {
    const Json& rate = member(row, key);
    if (!rate.is_number()) return "-";
    const double value = rate.get<double>();
    return value < 10 ? fixed(value, 1) : scaled(value);
}

void print_sentences(const Json& answer, const Json& report) {
    const Json& loaded = member(report, "rules");
    const std::uint64_t hits = count_at(answer, "hits");
    const std::uint64_t alerts = count_at(answer, "alerts");
    std::cout << grouped(count_at(loaded, "loaded")) << " rules loaded, "
              << grouped(count_at(loaded, "rejected")) << " rejected, "
              << (hits == 0 ? "no hit" : grouped(hits) + (hits == 1 ? " hit" : " hits")) << " in "
              << grouped(count_at(report, "packets")) << " packets\n";
    if (hits == 0 || !member(answer, "alerts_per_hour").is_number()) return;
    const double hours = number_at(answer, "hours");
    // One alert stands for all hits of an hour: of less than that no more follows than an upper bound.
    std::cout << "expect " << (hours < 1 ? "at most " : "") << rate_text(answer, "alerts_per_hour")
              << " alerts an hour (" << grouped(alerts) << " in " << duration_text(hours * 3600) << ")\n";
}

int test(const Context& context, TestOptions& options) {
    const Printer printer(context);
    options.replay.request.rules = {options.file};
    check_replay_options(context, options.replay);
    Json report = run_replay(options.replay.request);
    printer.prepare(report);
    const Json answer = rehearsal_of(report);
    const bool damaged = print_damage(std::cerr, report);
    const int status = damaged ? status_damaged : count_at(answer, "hits") > 0 ? status_done : status_no;
    if (printer.print_plain(answer, {"gid", "sid", "rev", "hits", "alerts", "hits_per_hour",
                                     "alerts_per_hour", "msg", "uris"})) {
        return status;
    }
    Table table(
        {{"SID"}, {"HITS"}, {"ALERTS/H"}, {"MESSAGE", Give::end, 1, 24}, {"SAMPLE URIS", Give::end, 2, 20}});
    for (const Json& row : rows_of(answer)) {
        const Json& uris = member(row, "uris");
        table.add({plain_text(member(row, "sid")), grouped(count_at(row, "hits")),
                   rate_text(row, "alerts_per_hour"), text_at(row, "msg"),
                   uris.empty() ? "-" : plain_text(uris.front())});
        for (std::size_t i = 1; i < uris.size(); ++i) table.add({"", "", "", "", plain_text(uris[i])});
    }
    printer.print(table);
    print_sentences(answer, report);
    if (count_at(member(report, "rules"), "rejected") > 0)
        print_coverage(printer, Json::object(), "rule check " + options.file);
    return status;
}

}  // namespace

double covered_seconds(const Json& captures) {
    std::vector<std::pair<std::int64_t, std::int64_t>> spans;
    for (const Json& capture : captures) {
        const auto first = parse_rfc3339_us(text_at(capture, "first"));
        const auto last = parse_rfc3339_us(text_at(capture, "last"));
        if (first && last && *first <= *last) spans.emplace_back(*first, *last);
    }
    std::ranges::sort(spans);
    double seconds = 0;
    std::int64_t covered_to = INT64_MIN;
    for (const auto& [first, last] : spans) {
        seconds += static_cast<double>(std::max(last, covered_to) - std::max(first, covered_to)) * 1e-6;
        covered_to = std::max(last, covered_to);
    }
    return seconds;
}

void add_rule_test_command(CLI::App& group, Context& context) {
    auto options = std::make_shared<TestOptions>();
    CLI::App* command =
        group.add_subcommand("test", "rehearse a rule file on captures: hits, alerts an hour");
    command->add_option("RULES", options->file, "rule file")->required();
    command->add_option("CAPTURE", options->replay.request.captures, "capture files")->required();
    add_replay_options(*command, options->replay);
    command->callback(
        [&context, options] { context.action = [&context, options] { return test(context, *options); }; });
}

}  // namespace picket::cli
