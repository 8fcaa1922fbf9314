// Small steps that all handlers share: parameters in, documents and problems out.
#pragma once

#include <httplib.h>

#include <functional>
#include <optional>

#include "controlplane/sensor.h"
#include "controlplane/serve/json.h"
#include "controlplane/store/problem.h"
#include "controlplane/store/query_parser.h"

namespace picket::serve {

void send_json(httplib::Response& response, const Json& document);
void send_problem(httplib::Response& response, const store::Problem& problem);

// For what would change something: nothing but a closed archive is asked. True if it was refused.
bool refuse_in_archive(httplib::Response& response, const Sensor& sensor, const char* what,
                       const char* where);

// Query string and form; a body of plain text counts as the parameter `ips`. Names in `except` are left out.
store::Parameters parameters_of(const httplib::Request& request, const std::vector<std::string>& except = {});
std::optional<std::string> parameter(const httplib::Request& request, const char* name);
std::uint64_t number_parameter(const httplib::Request& request, const char* name, std::uint64_t fallback);

// Parses the filters; nothing if that failed and the problem was sent.
std::optional<store::Query> query_of(const httplib::Request& request, httplib::Response& response,
                                     Sensor& sensor, const std::vector<std::string>& except = {});

// The interval as it was understood.
Json interval_json(const store::Query& query);

}  // namespace picket::serve
