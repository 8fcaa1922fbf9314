// Flows, requests and alerts as the rows of the contract.
#pragma once

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "controlplane/detect/alert_table.h"
#include "controlplane/sensor.h"
#include "controlplane/serve/json.h"
#include "controlplane/store/problem.h"
#include "controlplane/store/query.h"
#include "controlplane/store/shapes.h"

namespace picket::serve {

using JsonWriter = rapidjson::Writer<rapidjson::StringBuffer>;

// One flow row. records: its times are those of the part.
void write_flow_row(JsonWriter& writer, const store::StoredFlow& flow, const store::QueryJoin& join,
                    bool records);

// The same with everything that is known of the flow: directions, payload, watch lists.
Json flow_detail(const store::StoredFlow& flow, const store::QueryJoin& join,
                 const std::vector<std::string>& port_names);
Json flow_row(const store::StoredFlow& flow, const store::QueryJoin& join, bool records);

Json request_row(const store::StoredRequest& request);
Json alert_row(const detect::Alert& alert);
Json coverage_json(const detect::CoverageAnswer& coverage);

// All of the document of an answer about flows but its rows.
Json frame(const FlowAnswer& answer, const store::Query& query, const store::Sum& sum, bool truncated);
// The answer to questions about flows where none are kept.
store::Problem no_flows_kept(const char* path);

// "192.0.2.7:80", "[2001:db8::1]:80"; without the port where the protocol has none.
std::string end_text(const api::Address& address, std::uint16_t port, std::uint8_t protocol);
Json time_or_null(std::uint64_t utc_ns);

}  // namespace picket::serve
