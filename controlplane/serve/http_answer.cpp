#include "controlplane/serve/http_answer.h"

#include <algorithm>
#include <charconv>

#include "controlplane/serve/flow_json.h"
#include "controlplane/store/time_text.h"

namespace picket::serve {

namespace {
constexpr const char* json_type = "application/json";
}

void send_json(httplib::Response& response, const Json& document) {
    response.set_content(document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n", json_type);
}

void send_problem(httplib::Response& response, const store::Problem& problem) {
    response.status = problem.http_status;
    send_json(response, {{"error",
                          {{"what", problem.what},
                           {"where", problem.where},
                           {"why", problem.why},
                           {"remedy", problem.remedy}}},
                         {"exit", problem.exit_status}});
}

bool refuse_in_archive(httplib::Response& response, const Sensor& sensor, const char* what,
                       const char* where) {
    if (!sensor.is_closed_archive()) return false;
    send_problem(response, {what, where, "a closed archive is only read",
                            "ask the picketd that writes it, without --archive", 409, 2});
    return true;
}

store::Parameters parameters_of(const httplib::Request& request, const std::vector<std::string>& except) {
    store::Parameters parameters;
    for (const auto& [name, value] : request.params) {
        if (std::find(except.begin(), except.end(), name) == except.end())
            parameters.emplace_back(name, value);
    }
    if (!request.body.empty() && request.get_header_value("Content-Type").rfind("text/plain", 0) == 0) {
        parameters.emplace_back("ips", request.body);
    }
    return parameters;
}

std::optional<std::string> parameter(const httplib::Request& request, const char* name) {
    if (!request.has_param(name)) return std::nullopt;
    return request.get_param_value(name);
}

std::uint64_t number_parameter(const httplib::Request& request, const char* name, std::uint64_t fallback) {
    const auto text = parameter(request, name);
    std::uint64_t value = 0;
    if (!text) return fallback;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    return error == std::errc{} && end == text->data() + text->size() ? value : fallback;
}

std::optional<store::Query> query_of(const httplib::Request& request, httplib::Response& response,
                                     Sensor& sensor, const std::vector<std::string>& except) {
    const store::QueryContext context{
        sensor.now_ns(), [&](const std::string& name) { return sensor.watch_lists().find(name); }};
    store::Query query;
    if (const auto problem = store::parse_query(parameters_of(request, except), context, query)) {
        send_problem(response, *problem);
        return std::nullopt;
    }
    return query;
}

Json interval_json(const store::Query& query) {
    return {{"since", time_or_null(query.since_ns.value_or(0))},
            {"until", time_or_null(query.until_ns.value_or(0))}};
}

}  // namespace picket::serve
