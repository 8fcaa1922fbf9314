#include "controlplane/serve/flow_handlers.h"

#include <charconv>
#include <memory>

#include "controlplane/export/escape_bytes.h"
#include "controlplane/serve/flow_json.h"
#include "controlplane/serve/http_answer.h"
#include "controlplane/store/shapes.h"
#include "controlplane/store/time_text.h"

namespace picket::serve {

namespace {

constexpr std::size_t rows_at_once = 256;

Json totals_json(const store::Totals& totals) {
    return {{"flows", totals.flows},
            {"packets", totals.packets},
            {"bytes", totals.bytes},
            {"first", time_or_null(totals.first_ns)},
            {"last", time_or_null(totals.last_ns)}};
}

void send_rows(httplib::Response& response, Json rows, const Json& rest) {
    Json document{{"rows", std::move(rows)}};
    document.update(rest);
    send_json(response, document);
}

// Streams rows, so that a million of them never lie in memory as text.
class RowStream {
  public:
    RowStream(FlowAnswer answer, store::QueryJoin join, bool records, std::size_t rows, const Json& rest)
        : answer_(std::move(answer)), join_(join), records_(records), rows_(rows) {
        const std::string text = rest.dump(-1, ' ', false, Json::error_handler_t::replace);
        tail_ = "]," + text.substr(1) + "\n";
    }

    bool write(httplib::DataSink& sink) {
        rapidjson::StringBuffer buffer;
        if (next_ == 0) put(buffer, "{\"rows\":[");
        const std::size_t end = std::min(next_ + rows_at_once, rows_);
        for (; next_ < end; ++next_) {
            if (next_ > 0) buffer.Put(',');
            JsonWriter writer(buffer);
            write_flow_row(writer, *answer_.selection.rows[next_], join_, records_);
        }
        const bool last = next_ >= rows_;
        if (last) put(buffer, tail_);
        if (!sink.write(buffer.GetString(), buffer.GetSize())) return false;
        if (last) sink.done();
        return true;
    }

  private:
    static void put(rapidjson::StringBuffer& buffer, const std::string& text) {
        for (const char c : text) buffer.Put(c);
    }

    FlowAnswer answer_;
    store::QueryJoin join_;
    bool records_;
    std::size_t rows_;
    std::size_t next_ = 0;
    std::string tail_;
};

void send_flow_rows(httplib::Response& response, ShapedAnswer shaped, const store::Query& query,
                    const Sensor& sensor) {
    FlowAnswer& answer = shaped.frame;
    const auto sum = shaped.shaper.sum();
    const std::size_t kept = answer.selection.rows.size();
    const std::size_t rows = std::min(query.limit.value_or(SIZE_MAX), kept);
    // Parts of flows are all kept.
    const Json rest = frame(answer, query, sum, rows < kept || rows < sum.totals.flows);
    const auto join = sensor.join(answer);
    auto stream = std::make_shared<RowStream>(std::move(answer), join, query.records, rows, rest);
    response.set_chunked_content_provider(
        "application/json", [stream](std::size_t, httplib::DataSink& sink) { return stream->write(sink); });
}

Json group_row(const store::Group& group, const store::Query& query) {
    Json row;
    if (query.shape == store::Shape::talkers) {
        row["ip"] = group.label;
    } else if (query.group_by == store::GroupBy::rule) {
        row["rule"] = std::stoul(group.label);
        row["msg"] = exporter::escape_bytes(group.detail);
    } else if (query.group_by == store::GroupBy::port) {
        row["port"] = std::stoul(group.label);
        row["proto"] = group.detail;
    } else if (query.group_by == store::GroupBy::payload) {
        row["payload"] = group.label;
        row["proto"] = group.detail;
    } else {
        row[query.group_by == store::GroupBy::source ? "source" : "destination"] = group.label;
    }
    row.update(totals_json(group.totals));
    if (query.shape == store::Shape::by) {
        row["sources"] = group.sources;
        row["destinations"] = group.destinations;
    }
    return row;
}

void send_groups(httplib::Response& response, ShapedAnswer& answer, const store::Query& query) {
    const auto groups = answer.shaper.groups();
    const std::size_t shown = std::min(query.limit.value_or(SIZE_MAX), groups.size());
    Json rows = Json::array();
    for (std::size_t i = 0; i < shown; ++i) rows.push_back(group_row(groups[i], query));
    const auto sum = answer.shaper.sum();
    send_rows(response, std::move(rows), frame(answer.frame, query, sum, shown < groups.size()));
}

// An interval has one length: nothing else orders those of a timeline by duration.
std::optional<store::Problem> unsuitable(const store::Query& query) {
    if (query.shape != store::Shape::timeline || !query.sorted || query.sort != store::SortKey::duration)
        return std::nullopt;
    return store::Problem{"a timeline cannot be sorted so", "parameter sort",
                          "its intervals are all of one duration", "write first, packets or bytes"};
}

void send_timeline(httplib::Response& response, const ShapedAnswer& answer, const store::Query& query) {
    bool too_many = false;
    const auto buckets = answer.shaper.timeline(too_many);
    if (too_many) {
        return send_problem(
            response, {"the timeline would be too long", "parameter interval",
                       "it would have more than " + std::to_string(store::timeline_buckets_max) + " rows",
                       "choose a longer interval, or narrow --since and --until"});
    }
    const std::size_t shown = std::min(query.limit.value_or(SIZE_MAX), buckets.size());
    Json rows = Json::array();
    for (std::size_t i = 0; i < shown; ++i) {
        rows.push_back({{"time", store::format_time(buckets[i].time_ns)},
                        {"flows", buckets[i].flows},
                        {"packets", buckets[i].packets},
                        {"bytes", buckets[i].bytes}});
    }
    const auto sum = answer.shaper.sum();
    send_rows(response, std::move(rows), frame(answer.frame, query, sum, shown < buckets.size()));
}

void flows(const httplib::Request& request, httplib::Response& response, Sensor& sensor) {
    if (!sensor.keeps_flows()) return send_problem(response, no_flows_kept("/v1/flows"));
    const auto query = query_of(request, response, sensor);
    if (!query) return;
    if (const auto problem = unsuitable(*query)) return send_problem(response, *problem);
    if (query->shape == store::Shape::rows)
        return send_flow_rows(response, sensor.ask_shown(*query), *query, sensor);
    ShapedAnswer answer = sensor.ask_shaped(*query);
    if (query->shape == store::Shape::timeline) return send_timeline(response, answer, *query);
    if (query->shape != store::Shape::sum) return send_groups(response, answer, *query);
    send_rows(response, Json::array(), frame(answer.frame, *query, answer.shaper.sum(), false));
}

// Parts first, because a flow's own row is their sum.
void one_flow(const httplib::Request& request, httplib::Response& response, Sensor& sensor) {
    const std::string text = request.matches[1];
    std::uint64_t id = 0;
    std::from_chars(text.data(), text.data() + text.size(), id);
    store::Query query;
    query.flow_id = id;
    FlowAnswer answer = sensor.ask(query, false);
    query.records = true;
    const FlowAnswer parts = sensor.ask(query, false);
    if (answer.selection.rows.empty()) {
        return send_problem(response, {"no flow " + text, "flow id",
                                       answer.horizon_ns == 0 ? "no flow of this id was seen"
                                                              : "it was never seen, or is no longer kept",
                                       "list flows with 'picket flow show --wide'", 404, 1});
    }
    std::vector<std::string> port_names;
    if (const auto counters = sensor.counters()) {
        for (const auto& port : counters->ports) port_names.push_back(port.name);
    }
    Json rows = Json::array();
    for (const auto* flow : answer.selection.rows) {
        Json row = flow_detail(*flow, sensor.join(answer), port_names);
        row["parts"] = Json::array();
        for (const auto* part : parts.selection.rows) {
            if (part->key() == flow->key()) row["parts"].push_back(flow_row(*part, sensor.join(parts), true));
        }
        rows.push_back(std::move(row));
    }
    query.records = false;
    send_rows(response, std::move(rows),
              frame(answer, query, store::sum_flows(answer.selection, query, sensor.join(answer)), false));
}

}  // namespace

void add_flow_handlers(httplib::Server& server, Sensor& sensor) {
    const auto handler = [&sensor](const httplib::Request& request, httplib::Response& response) {
        flows(request, response, sensor);
    };
    server.Get("/v1/flows", handler);
    server.Post("/v1/flows", handler);
    server.Get(R"(/v1/flows/(\d{1,20}))",
               [&sensor](const httplib::Request& request, httplib::Response& response) {
                   one_flow(request, response, sensor);
               });
}

}  // namespace picket::serve
