#include "controlplane/serve/archive_handlers.h"

#include "controlplane/serve/http_answer.h"
#include "controlplane/store/time_text.h"

namespace picket::serve {

namespace {

store::Problem no_archive() {
    return {"no archive is kept",
            "/v1/archive",
            "the configuration has no [archive]",
            "add [archive] with its directory, or ask a directory with 'picket --archive DIR'",
            404,
            2};
}

void archive(const httplib::Request&, httplib::Response& response, Sensor& sensor) {
    if (!sensor.archive()) return send_problem(response, no_archive());
    Json document = archive_json(sensor);
    Json rows = Json::array();
    for (const auto& table : sensor.archive()->status().tables) {
        rows.push_back({{"table", table.name},
                        {"files", table.files},
                        {"rows", table.rows},
                        {"bytes", table.bytes},
                        {"first", time_or_null(table.first_ns)},
                        {"last", time_or_null(table.last_ns)}});
    }
    document["rows"] = std::move(rows);
    document["coverage"] = coverage_json(sensor.coverage({}));
    send_json(response, document);
}

// The rows are JSON already: the document is put together around them.
std::string document_of(const archive::SqlResult& result, const Json& rest) {
    std::string text = "{\"columns\":" + Json(result.columns).dump() + ",\"rows\":[";
    for (std::size_t i = 0; i < result.rows.size(); ++i) text += (i == 0 ? "" : ",") + result.rows[i];
    return text + "]," + rest.dump().substr(1) + "\n";
}

void query(const httplib::Request& request, httplib::Response& response, Sensor& sensor) {
    if (!sensor.archive()) return send_problem(response, no_archive());
    archive::SqlLimits limits;
    limits.rows_max = number_parameter(request, "limit", limits.rows_max);
    const auto result = sensor.archive()->query(request.body, limits);
    if (!result.error.empty()) {
        return send_problem(response, {"the query was not answered", "/v1/query", result.error,
                                       "docs/archive.md describes the tables", 400, 2});
    }
    // What came after the last flush is not in closed files.
    const auto status = sensor.archive()->status();
    const auto as_of = sensor.is_closed_archive() ? status.latest_ns : status.flushed_ns;
    response.set_content(document_of(result, {{"as_of", time_or_null(as_of)},
                                              {"waiting", status.open_flows},
                                              {"truncated", result.truncated},
                                              {"coverage", coverage_json(sensor.coverage({}))}}),
                         "application/json");
}

}  // namespace

Json archive_json(const Sensor& sensor) {
    if (!sensor.archive()) return nullptr;
    const auto status = sensor.archive()->status();
    Json gap;
    if (status.gap) {
        gap = {{"since", store::format_time(status.gap->begin_ns)},
               {"until", store::format_time(status.gap->end_ns)}};
    }
    return {{"directory", status.directory},
            {"open", status.open},
            {"trouble", status.trouble.empty() ? Json() : Json(status.trouble)},
            {"bytes", status.bytes},
            {"bytes_max", status.bytes_max == 0 ? Json() : Json(status.bytes_max)},
            {"retain_s", status.retain_ns == 0 ? Json() : Json(status.retain_ns / 1'000'000'000)},
            {"since", time_or_null(status.since_ns)},
            {"latest", time_or_null(status.latest_ns)},
            {"flushed", time_or_null(status.flushed_ns)},
            {"horizon", time_or_null(status.horizon_ns)},
            {"waiting", status.open_flows},
            {"waiting_rows", status.open_rows},
            {"unarchived", status.unarchived},
            {"unarchived_packets", status.unarchived_packets},
            {"gap", std::move(gap)}};
}

void add_archive_handlers(httplib::Server& server, Sensor& sensor) {
    server.Get("/v1/archive", [&sensor](const httplib::Request& request, httplib::Response& response) {
        archive(request, response, sensor);
    });
    server.Post("/v1/query", [&sensor](const httplib::Request& request, httplib::Response& response) {
        query(request, response, sensor);
    });
}

}  // namespace picket::serve
