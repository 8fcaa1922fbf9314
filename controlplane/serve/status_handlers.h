// /v1/status, /v1/ports, /v1/workers, /v1/counters, /metrics.
#pragma once

#include <httplib.h>

#include "controlplane/sensor.h"
#include "controlplane/serve/json.h"

namespace picket::serve {

void add_status_handlers(httplib::Server& server, Sensor& sensor);
void add_metrics_handler(httplib::Server& server, Sensor& sensor);

// {"received":…,"in_flows":…,"outcomes":{…},"in_transit":…,"balanced":…}
Json audit_json(const detect::Audit& audit);

// {"duplicates":…,"recorded":…,"one_way":…,"swapped":…}, packets
Json link_json(const detect::Audit& audit);

}  // namespace picket::serve
