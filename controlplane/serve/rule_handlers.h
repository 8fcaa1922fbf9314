// /v1/watch and /v1/rules.
#pragma once

#include <httplib.h>

#include "controlplane/sensor.h"
#include "controlplane/serve/json.h"

namespace picket::serve {

void add_watch_handlers(httplib::Server& server, Sensor& sensor);
void add_rule_handlers(httplib::Server& server, Sensor& sensor);

Json reject_rows(const std::vector<rules::Reject>& rejects);

}  // namespace picket::serve
