#include "controlplane/serve/rule_cost_handler.h"

#include <algorithm>

#include "controlplane/detect/rule_costs.h"
#include "controlplane/export/escape_bytes.h"
#include "controlplane/serve/http_answer.h"

namespace picket::serve {

namespace {

Json cost_row(std::size_t index, const rules::RuleInfo& rule, const api::RuleCost& cost) {
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
            {"cycles", static_cast<std::uint64_t>(detect::cycles_of(cost))}};
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
        if (measured->rules[i].candidates > 0 && generation->rule(static_cast<std::uint32_t>(i)) != nullptr) {
            judged.push_back(i);
        }
    }
    std::ranges::stable_sort(judged, [&](std::size_t a, std::size_t b) {
        return detect::cycles_of(measured->rules[a]) > detect::cycles_of(measured->rules[b]);
    });
    Json rows = Json::array();
    for (const std::size_t i : judged) {
        rows.push_back(cost_row(i, *generation->rule(static_cast<std::uint32_t>(i)), measured->rules[i]));
    }
    send_json(response, {{"rows", std::move(rows)},
                         {"generation", measured->generation},
                         {"loaded", generation->rules->size()},
                         {"tsc_hz", link.segments->layout().tsc_hz}});
}

}  // namespace

void add_rule_cost_handler(httplib::Server& server, Sensor& sensor) {
    server.Get("/v1/rules/cost", [&sensor](const httplib::Request& request, httplib::Response& response) {
        costs(request, response, sensor);
    });
}

}  // namespace picket::serve
