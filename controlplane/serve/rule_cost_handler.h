// GET /v1/rules/cost: what each rule takes of the workers, dearest first.
#pragma once

#include <httplib.h>

#include "controlplane/sensor.h"

namespace picket::serve {

void add_rule_cost_handler(httplib::Server& server, Sensor& sensor);

}  // namespace picket::serve
