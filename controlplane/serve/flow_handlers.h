// /v1/flows and /v1/flows/ID.
#pragma once

#include <httplib.h>

#include "controlplane/sensor.h"

namespace picket::serve {

void add_flow_handlers(httplib::Server& server, Sensor& sensor);

}  // namespace picket::serve
