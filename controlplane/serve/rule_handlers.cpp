#include "controlplane/serve/rule_handlers.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <tuple>

#include "controlplane/export/escape_bytes.h"
#include "controlplane/serve/flow_json.h"
#include "controlplane/serve/http_answer.h"
#include "controlplane/store/flat_map.h"
#include "controlplane/store/hit_choice.h"

namespace picket::serve {

namespace {

using store::Query;

constexpr std::uint64_t hit_slack_ns = 60'000'000'000;

void send_rule_set(httplib::Response& response, const Sensor& sensor) {
    const auto state = sensor.rules().state();
    send_json(response, {{"generation", state.generation},
                         {"loaded", state.loaded},
                         {"rejected", state.rejects.size()},
                         {"rejects", reject_rows(state.rejects)}});
}

void list(const httplib::Request&, httplib::Response& response, Sensor& sensor) {
    const auto state = sensor.rules().state();
    const auto newest = sensor.rules().newest();
    const auto hits = sensor.alerts().hits_by_rule();
    Json rows = Json::array();
    for (std::size_t i = 0; newest && i < newest->rules->size(); ++i) {
        const auto& rule = (*newest->rules)[i];
        const auto* count = hits.find(std::uint64_t{rule.gid} << 32 | rule.sid);
        rows.push_back({{"index", i},
                        {"gid", rule.gid},
                        {"sid", rule.sid},
                        {"rev", rule.rev},
                        {"msg", exporter::escape_bytes(rule.message)},
                        {"severity", rule.severity},
                        {"classtype", rule.class_type},
                        {"references", rule.references},
                        {"file", rule.file},
                        {"line", rule.line},
                        {"text", exporter::escape_bytes(rule.text)},
                        {"hits", count ? *count : 0},
                        {"state", state.generation == newest->number ? "loaded" : "loading"}});
    }
    send_json(response, {{"rows", std::move(rows)},
                         {"rejects", reject_rows(state.rejects)},
                         {"generation", state.generation},
                         {"always_judged", state.always_judged}});
}

void reload(const httplib::Request&, httplib::Response& response, Sensor& sensor) {
    if (refuse_in_archive(response, sensor, "no rules can be reloaded here", "/v1/rules/reload")) return;
    if (const auto problem = sensor.rules().reload("reload")) return send_problem(response, *problem);
    send_rule_set(response, sensor);
}

void load(const httplib::Request& request, httplib::Response& response, Sensor& sensor) {
    if (refuse_in_archive(response, sensor, "no rules can be loaded here", "/v1/rules/load")) return;
    const auto path = parameter(request, "path");
    if (!path || !std::filesystem::path(*path).is_absolute()) {
        return send_problem(response,
                            {"no rule file is named", "parameter path",
                             "it has to be the absolute path of a rule file", "add path=/…/FILE.rules"});
    }
    if (const auto problem = sensor.rules().add_file(*path)) return send_problem(response, *problem);
    send_rule_set(response, sensor);
}

// What of a rule's text is known where its hits are asked for: it may be gone, or of another picketd.
Json rule_of(const store::StoredHit& hit, const store::RuleGeneration* generation) {
    Json row{
        {"gid", hit.gid}, {"sid", hit.sid}, {"rev", hit.rev}, {"msg", exporter::escape_bytes(hit.message)}};
    if (generation == nullptr) return row;
    const auto rule = std::find_if(
        generation->rules->begin(), generation->rules->end(),
        [&](const auto& info) { return info.gid == hit.gid && info.sid == hit.sid && info.rev == hit.rev; });
    if (rule != generation->rules->end()) row["text"] = exporter::escape_bytes(rule->text);
    return row;
}

struct RuleHit {
    store::StoredHit first;
    std::uint64_t hits = 0;
};
using RulesHit = std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>, RuleHit>;

RulesHit rules_hit_in(const store::Selection& selection, const Sensor& sensor) {
    store::FlatMap<store::FlowKey, std::uint8_t> flows;
    Query span;
    for (const auto* flow : selection.rows) {
        flows[flow->key()] = 1;
        span.since_ns = std::min(span.since_ns.value_or(flow->start_ns), flow->start_ns);
        span.until_ns = std::max(span.until_ns.value_or(0), flow->last_ns + 1);
    }
    RulesHit rules;
    if (flows.empty()) return rules;
    // A request that came in pieces may have the time of any of them.
    sensor.each_hit(store::widened(span, hit_slack_ns), [&](const store::StoredHit& hit) {
        if (flows.find(hit.flow) == nullptr) return;
        RuleHit& rule = rules[{hit.gid, hit.sid, hit.rev}];
        if (rule.hits++ == 0) rule.first = hit;
    });
    return rules;
}

// The rules that have hit in flows that answer a query, each as it was then.
void hit(const httplib::Request& request, httplib::Response& response, Sensor& sensor) {
    if (!sensor.keeps_flows()) return send_problem(response, no_flows_kept("/v1/rules/hit"));
    const auto query = query_of(request, response, sensor);
    if (!query) return;
    const FlowAnswer answer = sensor.ask(*query, false);
    Json rows = Json::array();
    for (const auto& [key, rule] : rules_hit_in(answer.selection, sensor)) {
        rows.push_back(
            rule_of(rule.first, sensor.join(answer).rules.generation(rule.first.generation).get()));
        rows.back()["hits"] = rule.hits;
    }
    send_json(response, {{"rows", std::move(rows)}});
}

}  // namespace

Json reject_rows(const std::vector<rules::Reject>& rejects) {
    Json rows = Json::array();
    for (const auto& reject : rejects) {
        rows.push_back({{"file", reject.file},
                        {"line", reject.line},
                        {"sid", reject.sid ? Json(*reject.sid) : Json()},
                        {"option", reject.option},
                        {"reason", exporter::escape_bytes(reject.reason)}});
    }
    return rows;
}

void add_rule_handlers(httplib::Server& server, Sensor& sensor) {
    using Handle = void (*)(const httplib::Request&, httplib::Response&, Sensor&);
    const auto bind = [&sensor](Handle handle) {
        return [&sensor, handle](const httplib::Request& request, httplib::Response& response) {
            handle(request, response, sensor);
        };
    };
    server.Get("/v1/rules", bind(list));
    server.Get("/v1/rules/hit", bind(hit));
    server.Post("/v1/rules/reload", bind(reload));
    server.Post("/v1/rules/load", bind(load));
}

}  // namespace picket::serve
