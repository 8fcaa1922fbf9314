#include "controlplane/serve/rule_cost_handler.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "controlplane/detect/rule_costs.h"
#include "controlplane/export/escape_bytes.h"
#include "controlplane/serve/http_answer.h"

namespace picket::serve {

namespace {

constexpr std::array<const char*, api::filter_group_count> group_names = {"uri", "head", "payload", "body",
                                                                          "response"};

// What the filter looks for of a rule, and in what share of requests it was expected.
Json element_of(const store::RuleGeneration& generation, std::size_t index) {
    if (!generation.filters || index >= generation.filters->size()) return {};
    const auto& element = (*generation.filters)[index];
    if (!element) return {};
    return {
        {"text", group_names[static_cast<std::size_t>(element->group)]},
        {"pattern", exporter::escape_bytes(element->literal.empty() ? element->pattern : element->literal)},
        {"kind", element->literal.empty() ? "pcre" : "literal"},
        {"expected_share", element->literal.empty() ? Json() : Json(std::exp2(-element->bits))}};
}

Json cost_row(const store::RuleGeneration& generation, std::size_t index, const api::RuleCost& cost) {
    const rules::RuleInfo& rule = *generation.rule(static_cast<std::uint32_t>(index));
    return {{"index", index},
            {"gid", rule.gid},
            {"sid", rule.sid},
            {"rev", rule.rev},
            {"msg", exporter::escape_bytes(rule.message)},
            {"file", rule.file},
            {"line", rule.line},
            {"candidates", cost.candidates},
            {"hits", cost.hits},
            {"limits_exceeded", cost.limits_exceeded},
            {"cycles", static_cast<std::uint64_t>(detect::cycles_of(cost))},
            {"found", cost.found},
            {"element", element_of(generation, index)}};
}

void costs(const httplib::Request&, httplib::Response& response, Sensor& sensor) {
    const auto link = sensor.link();
    const auto measured = link.segments ? detect::read_rule_costs(*link.segments) : std::nullopt;
    const auto generation = measured ? sensor.rules().generation(measured->generation) : nullptr;
    if (!generation) {
        return send_problem(response, {"no rule was measured", "data plane",
                                       link.segments ? "it has no rules that this picketd knows yet"
                                                     : "picketd is not connected to it",
                                       "see 'picket status', and ask again", 503, 3});
    }
    std::vector<std::size_t> judged;
    for (std::size_t i = 0; i < measured->rules.size(); ++i) {
        if (measured->rules[i].candidates + measured->rules[i].found > 0 &&
            generation->rule(static_cast<std::uint32_t>(i)) != nullptr) {
            judged.push_back(i);
        }
    }
    std::ranges::stable_sort(judged, [&](std::size_t a, std::size_t b) {
        return detect::cycles_of(measured->rules[a]) > detect::cycles_of(measured->rules[b]);
    });
    Json rows = Json::array();
    for (const std::size_t i : judged) {
        rows.push_back(cost_row(*generation, i, measured->rules[i]));
    }
    Json scanned = Json::object();
    for (std::size_t group = 0; group < api::filter_group_count; ++group) {
        scanned[group_names[group]] = measured->scanned[group];
    }
    send_json(response, {{"rows", std::move(rows)},
                         {"generation", measured->generation},
                         {"loaded", generation->rules->size()},
                         {"scanned", std::move(scanned)},
                         {"tsc_hz", link.segments->layout().tsc_hz}});
}

}  // namespace

void add_rule_cost_handler(httplib::Server& server, Sensor& sensor) {
    server.Get("/v1/rules/cost", [&sensor](const httplib::Request& request, httplib::Response& response) {
        costs(request, response, sensor);
    });
}

}  // namespace picket::serve
